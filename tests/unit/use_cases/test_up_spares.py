"""Spares stand in, in ``up``, for nodes that cannot be brought up; the rest stays as it is."""

from __future__ import annotations

import pytest

from clusterkit.checks.spares import Choice
from clusterkit.command import Command, Result
from clusterkit.errors import (
    ClusterkitError,
    CommandFailed,
    CommandTimeout,
    JobFailed,
    NodesFailed,
    TransportError,
)
from clusterkit.events import Note
from clusterkit.model.spares import Changes, StandIn
from clusterkit.payloads.causes import cause
from clusterkit.use_cases.spare_errors import could_have, failures_of, head_is_lost, none_is_left
from clusterkit.use_cases.up_spares import Standing
from tests.unit.pair import node, pair

CLUSTER = pair(
    nodes=(node(1), node(2), node(3), *(node(each, standing="spare") for each in (4, 5)))
)
NO_PYTHON = "no Python found. Fix: set `python`"
MEND = "mend one of them, or add `spares:` to the inventory, and run `clusterkit up INVENTORY`"


class Attempts:
    """Brings a cluster up, but for broken nodes; remembers which nodes it was given."""

    def __init__(self, *broken: str) -> None:
        self._broken, self.nodes = broken, []

    def __call__(self, cluster):
        names = [each.name for each in cluster.nodes]
        self.nodes.append(names)
        failures = {
            name: ClusterkitError(f"{name}: {NO_PYTHON}") for name in names if name in self._broken
        }
        if failures:
            raise NodesFailed(failures, succeeded=len(names) - len(failures))
        return "up"


def go_on(attempt, cluster=CLUSTER):
    told: list[object] = []
    standing = Standing(told.append, {})
    return standing.go_on(cluster, attempt), standing.changes, told


def test_where_all_come_up_nothing_changes():
    assert go_on(Attempts()) == (("up", CLUSTER), Changes(), [])


def test_a_spare_stands_in_and_both_are_named():
    attempts = Attempts("node2")

    (found, cluster), changes, told = go_on(attempts)

    assert attempts.nodes == [
        ["node1", "node2", "node3", "node4", "node5"],
        ["node1", "node4", "node3", "node5"],
    ]
    assert (found, [each.name for each in cluster.members]) == ("up", ["node1", "node4", "node3"])
    assert changes == Changes((StandIn("node2", "node4", "no Python found"),))
    assert told == [
        Note("it cannot be brought up: no Python found; node4 takes its place", "node2")
    ]


def test_a_spare_that_fails_is_left_out():
    (_, cluster), changes, told = go_on(Attempts("node4"))

    assert [each.name for each in cluster.present.nodes] == ["node1", "node2", "node3", "node5"]
    assert changes == Changes(left_out={"node4": "no Python found"})
    assert told == [
        Note("the spare cannot be brought up: no Python found; it is left out", "node4")
    ]


def test_each_may_fail_in_an_attempt_of_its_own():
    seen: list[int] = []

    def attempt(cluster):
        names = [each.name for each in cluster.nodes]
        broken = [name for name in ("node2", "node4") if name in names]
        seen.append(len(names))
        if broken:
            raise TransportError(broken[0], "did not answer")

    (_, cluster), changes, _ = go_on(attempt)

    assert (seen, [each.name for each in cluster.members]) == (
        [5, 4, 3],
        ["node1", "node5", "node3"],
    )
    assert changes.stand_ins == (
        StandIn("node2", "node4", "did not answer"),
        StandIn("node4", "node5", "did not answer"),
    )


def test_where_no_spare_is_left_every_node_has_its_reason():
    with pytest.raises(NodesFailed) as caught:
        go_on(Attempts("node2", "node4", "node5"))

    assert (caught.value.exit_code, str(caught.value)) == (
        3,
        f"node2: no Python found.\nFix: set `python`; or {MEND}\n"
        f"node4: no spare for node2: no Python found\nFix: {MEND}\n"
        f"node5: no spare for node2: no Python found\nFix: {MEND}",
    )


def test_the_head_has_no_stand_in():
    with pytest.raises(NodesFailed) as caught:
        go_on(Attempts("node1"))

    assert str(caught.value) == (
        "node1: no Python found.\nnode1 is the head, and no spare can take its place: the "
        "cluster's key, its lock and its jobs are there\nFix: set `python`; or mend it and run "
        "`clusterkit up INVENTORY`; or name another node first under `nodes:`, then "
        "`clusterkit down` and `up`"
    )


@pytest.mark.parametrize(
    ("cluster", "error"),
    [
        (CLUSTER, ClusterkitError("the nodes have several versions of Open MPI")),
        (CLUSTER, NodesFailed({"localhost": ClusterkitError("no image")}, succeeded=0)),
        (CLUSTER, NodesFailed({"node9": ClusterkitError("another's")}, succeeded=0)),
        (pair(), NodesFailed({"node2": ClusterkitError("gone")}, succeeded=1)),
    ],
    ids=["of no node", "of the Docker host", "of another node", "without spares"],
)
def test_an_error_that_no_spare_can_heal_stays_as_it_is(cluster, error):
    def attempt(_):
        raise error

    with pytest.raises(ClusterkitError) as caught:
        go_on(attempt, cluster)

    assert caught.value is error


def test_which_nodes_an_error_is_about():
    command = Command(("true",), timeout_s=1)
    failed = CommandFailed(Result("node2", command, 1))
    silent, late = TransportError("node3", "gone"), CommandTimeout("node2", command)
    both = {"node2": failed, "node3": silent}
    plain = ClusterkitError("node2: no mpirun")

    for error, about in (
        (NodesFailed(both, succeeded=0), both),
        (failed, {"node2": failed}),
        (silent, {"node3": silent}),
        (late, {"node2": late}),
        (plain, {"node2": plain}),
        (ClusterkitError("node22: another"), {}),
    ):
        assert failures_of(error, CLUSTER) == about


LOST = "job run-1: node2: it is gone; its container exited with 137\nFix: `clusterkit up` runs it"


def lost_job():
    return JobFailed(LOST, cause=cause("container", node="node2", exit_code=137))


def test_a_job_that_lost_a_node_says_what_more_tries_would_do():
    error = could_have(lost_job(), {"node2": "node4"}, 0)

    assert str(error) == f"{LOST}; or `--retries 1` lets node4 take the place of node2"


def test_a_job_that_lost_a_node_says_why_no_spare_helps():
    error = lost_job()
    refused = Choice(refused={"node4": "it has 1 slot, and node2 2"})
    what = LOST.partition("\nFix")[0]

    assert none_is_left(error, {"node2": error}, refused, members=3) is error
    assert (error.exit_code, str(error)) == (
        1,
        f"{what}\nno spare can take the place of node2\nnode4: it has 1 slot, and node2 2\n"
        f"Fix: `clusterkit up` runs it; or {MEND}",
    )

    alone = lost_job()
    none_is_left(alone, {"node2": alone}, Choice(), members=3)
    assert f"{what}\nno spare can take the place of node2: none is left\nFix: " in str(alone)


def test_a_job_that_lost_its_head_says_what_to_do():
    error = head_is_lost(JobFailed("job run-1: node1: gone"), "node1")

    assert str(error).splitlines()[1] == (
        "node1 is the head, and no spare can take its place: the cluster's key, its lock and its "
        "jobs are there"
    )

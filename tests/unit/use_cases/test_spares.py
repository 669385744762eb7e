"""Which nodes a run has lost, as far as nobody needs to look; and attempts that need no spare."""

from __future__ import annotations

import pytest

from clusterkit.command import Command, Result
from clusterkit.errors import (
    ClusterkitError,
    CommandFailed,
    JobFailed,
    NodesFailed,
    NotFit,
    TransportError,
    UsageError,
)
from clusterkit.events import Note, RankAnswer
from clusterkit.payloads.causes import cause
from clusterkit.results.run import RunResult
from clusterkit.use_cases.session import Session
from clusterkit.use_cases.spare_errors import brief
from clusterkit.use_cases.spares import lost_nodes, with_spares
from tests.unit.pair import node, pair

CLUSTER = pair(nodes=(node(1), node(2), node(3), node(4, standing="spare")))
SILENT = TransportError("node2", "did not answer within 8 s")
DIED = JobFailed("job run-1: node2: gone", cause=cause("node-lost", node="node2"))


@pytest.fixture
def session(tmp_path):
    return Session(CLUSTER, tmp_path)


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (SILENT, ["node2"]),
        (NodesFailed({"node2": SILENT, "node3": SILENT}, succeeded=1), ["node2", "node3"]),
        (DIED, ["node2"]),
        (NotFit("GPU 1 is gone", {"node3": "GPU 1 is gone"}), ["node3"]),
        (NotFit("they differ", {"node1": "5.0", "node3": "4.1"}), []),
        (NodesFailed({"localhost": ClusterkitError("no Docker")}, succeeded=0), []),
        (UsageError("no such model"), []),
        (CommandFailed(Result("node2", Command(("convert",)), 1)), []),
        (JobFailed("", cause=cause("out-of-memory", node="node2", rank=1)), []),
        (JobFailed("", cause=cause("interrupted")), []),
        (JobFailed("", cause=cause("node-lost", node="node9")), []),
        (JobFailed(""), []),
    ],
)
def test_the_nodes_that_another_could_replace(session, error, lost):
    assert [*lost_nodes(session, error)] == lost


def test_an_attempt_has_the_members_alone_and_a_result_as_it_is(session):
    result = RunResult(
        cluster="pair", job="run-1", script="a.py", launcher="mpirun", ranks=(), took_s=1
    )
    told: list[object] = []

    def attempt(crew, sink):
        assert [each.name for each in crew.cluster.nodes] == ["node1", "node2", "node3"]
        sink(RankAnswer(0, {}))
        sink(Note("late"))
        return result

    assert with_spares(session, 2, attempt, sink=told.append) is result
    assert told == [Note("late"), RankAnswer(0, {})]  # answers when all of them are there
    told.clear()
    assert with_spares(session, 0, attempt, sink=told.append) is result
    assert told == [RankAnswer(0, {}), Note("late")]


@pytest.mark.parametrize("retries", [0, 3])
def test_what_no_spare_can_heal_is_tried_once(session, retries):
    tried: list[Session] = []
    wrong = UsageError("no such model")

    def attempt(crew, _):
        tried.append(crew)
        raise wrong

    with pytest.raises(UsageError) as caught:
        with_spares(session, retries, attempt, sink=tried.append)
    assert (caught.value, len(tried)) == (wrong, 1)


def test_the_head_is_named_and_not_replaced(session):
    def attempt(_, __):
        raise TransportError("node1", "did not answer")

    with pytest.raises(TransportError, match="node1 is the head, and no spare"):
        with_spares(session, 3, attempt, sink=lambda _: None)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (SILENT, "did not answer within 8 s"),
        (ClusterkitError("node2: no mpirun. Fix: install it"), "no mpirun"),
        (
            JobFailed("job run-1: node2: it is gone (killed?); exited with 137\nmore\nFix: up"),
            "it is gone (killed?); exited with 137",
        ),
    ],
)
def test_why_in_one_line(error, line):
    assert brief("node2", error) == line

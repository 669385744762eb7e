from __future__ import annotations

import pytest

from clusterkit.results.plan import (
    AppliedStep,
    DownResult,
    Kept,
    PlannedStep,
    PlanResult,
    Settled,
    UpResult,
)
from tests.unit.report.streams import shown, text


def step(node, stage, sign, summary):
    return PlannedStep(node=node, stage=stage, kind="docker", sign=sign, summary=summary)


def applied(node, stage, sign, summary, took_s):
    return AppliedStep(
        node=node, stage=stage, kind="docker", sign=sign, summary=summary, took_s=took_s
    )


PLAN = PlanResult(
    cluster="pair",
    changes=6,
    steps=(
        step("localhost", "nodes", "+", "create network pair (192.168.123.0/24)"),
        step(
            "node1",
            "nodes",
            "+",
            "create container pair-node1 at 192.168.123.111 from clusterkit/node-cpu:1 with 1 GPU",
        ),
        step("node1", "nodes", "~", "start container pair-node1"),
        step("node1", "trust", "~", "replace authorized_keys (it was changed by hand)"),
        step("node2", "nodes", "-", "remove container pair-node2"),
        step("node2", "trust", "-", "forget its host key"),
    ),
    settled=(Settled(node="node1", stage="mpi", summary="Open MPI 5.0.11 is there"),),
    unknown=(
        "node1: mpi <known after nodes>",
        "node2: mpi <known after nodes>",
        "node2: storage <known after storage>",
        "node3: mpi <known after another>",
    ),
)


def test_a_plan_goes_node_by_node_and_ends_with_its_totals():
    assert shown(PLAN) == text("""
        localhost
          nodes  + create network pair (192.168.123.0/24)

        node1
          nodes  + create container pair-node1 at 192.168.123.111 from
                 clusterkit/node-cpu:1 with 1 GPU
                 ~ start container pair-node1
          trust  ~ replace authorized_keys (it was changed by hand)

        node2
          nodes  - remove container pair-node2
          trust  - forget its host key

        ? node[1-2]  mpi: known after the nodes are up
        ? node2      storage: known after the storage is made
        ? node3      mpi: known after the stage another

        Plan: 2 to add, 2 to change, 2 to destroy.
        """)


def test_no_changes():
    assert shown(PlanResult(cluster="pair", changes=0, settled=PLAN.settled)) == (
        "No changes. Cluster pair is as the inventory says.\n"
    )


def test_a_wide_plan_says_why_nothing_is_to_be_done():
    assert shown(PlanResult(cluster="pair", changes=0, settled=PLAN.settled), "wide") == text("""
        node1
          mpi  = Open MPI 5.0.11 is there

        No changes. Cluster pair is as the inventory says.
        """)


def test_where_no_terminal_is_a_line_is_one_line():
    line = "  nodes  + create container pair-node1 at 192.168.123.111 from clusterkit/node-cpu:1"

    assert f"{line} with 1 GPU\n" in shown(PLAN, width=None)


def test_many_nodes_that_do_the_same_share_their_lines():
    steps = [
        step(f"node{number}", "nodes", "+", f"create container big-node{number}")
        for number in range(1, 65)
    ]
    steps[6:7] = [step("node7", "nodes", "~", "start container big-node7")]

    assert shown(PlanResult(cluster="big", changes=64, steps=tuple(steps))) == text("""
        node[1-6,8-64] (63)
          nodes  + create container big-*

        node7
          nodes  ~ start container big-node7

        Plan: 63 to add, 1 to change, 0 to destroy.
        """)


UP = UpResult(
    cluster="pair",
    changes=2,
    steps=(
        applied("node1", "nodes", "+", "create container pair-node1", 0.41),
        applied("node1", "trust", "~", "put the host keys", 72.04),
    ),
    nodes=("node1", "node2"),
    slots=4,
    took_s=3.2,
)


def test_up():
    assert shown(UP) == text("""
        Cluster pair is up: 2 nodes, 4 slots, 2 changes in 3.2 s.
        """)


def test_up_without_changes():
    assert shown(UpResult(cluster="pair", changes=0, took_s=0.5)) == (
        "No changes. Cluster pair is as the inventory says.\n"
    )


def test_wide_up_shows_every_step_and_its_time():
    assert shown(UP, "wide") == text("""
        node1
          nodes  + create container pair-node1 … 0.41 s
          trust  ~ put the host keys … 72.0 s

        Cluster pair is up: 2 nodes, 4 slots, 2 changes in 3.2 s.
        """)


KEPT = Kept(
    node="node1",
    what="/home/a/shared",
    why="the inventory binds it",
    size_bytes=512 << 20,
    remove_with="rm -r /home/a/shared",
)


def test_down_says_what_stays_and_that_nothing_is_left():
    down = DownResult(cluster="pair", changes=5, kept=(KEPT,), took_s=2.7)

    assert shown(down) == text("""
        Cluster pair is down: 5 changes in 2.7 s.
        = node1: /home/a/shared (512 MiB) stays: the inventory binds it.
          To remove it: rm -r /home/a/shared
        Nothing else is left.
        """)


def test_down_of_nothing():
    assert shown(DownResult(cluster="pair", changes=0, took_s=0.2)) == text("""
        Cluster pair was not there.
        Nothing is left.
        """)


def test_down_lists_what_is_left():
    left = ("container pair-node2 on node2: still running", "network pair")

    assert shown(DownResult(cluster="pair", changes=1, left=left, took_s=2.7)) == text("""
        Cluster pair is not all gone: 1 change in 2.7 s.
        2 things are left:
          ! container pair-node2 on node2: still running
          ! network pair
        """)


@pytest.mark.parametrize(
    ("heard", "shown_as"),
    [
        (["gpu10", "gpu2", "gpu1"], ["gpu1", "gpu2", "gpu10"]),
        (["localhost", "b", "a"], ["localhost", "a", "b"]),
        (["b", "a", "localhost"], ["a", "b", "localhost"]),
    ],
)
def test_nodes_come_by_name_however_they_answered(heard: list[str], shown_as: list[str]):
    plan = PlanResult(
        cluster="pair", changes=3, steps=tuple(step(node, "nodes", "+", "x") for node in heard)
    )

    titles = [line for line in shown(plan).splitlines() if line and not line.startswith(" ")]
    assert titles[:-1] == shown_as

"""How `sweep` shows what it found and what became of it."""

from __future__ import annotations

from clusterkit.results.sweep import Leftover, Spared, SweepResult, Unseen
from tests.unit.report.streams import shown, text

BOX = Leftover(
    node="localhost", kind="container", what="pair-node1", why="gone", remove_with="docker rm x"
)
JOB = Leftover(node="node2", kind="process", what="x (pid 7)", why="dead", remove_with="kill -9 7")
STAYS = Spared(node="localhost", what="cluster lab on Docker", why="it is up and known")
UNSEEN = Unseen(node="node3", why="no route", is_node=True)


def test_a_plan_names_each_thing_by_node_and_what_stays() -> None:
    plan = SweepResult(found=(JOB, BOX), spared=(STAYS,), unseen=(UNSEEN,), took_s=1)
    assert shown(plan) == text("""
        localhost
          - container pair-node1: gone

        node2
          - process x (pid 7): dead

        = localhost: cluster lab on Docker stays: it is up and known.
        ? node3: not looked at: no route
        Plan: 2 to destroy.
    """)


def test_what_is_left_comes_with_the_command_that_removes_it() -> None:
    swept = SweepResult(found=(JOB, BOX), removed=(BOX,), left=(JOB,), took_s=2)
    assert shown(swept) == text("""
        1 thing removed in 2.0 s.
        1 thing is left:
          ! node2: x (pid 7): dead
            To remove it: kill -9 7
    """)


def test_nothing_was_left() -> None:
    assert shown(SweepResult(took_s=1)) == "Nothing is left behind.\n"

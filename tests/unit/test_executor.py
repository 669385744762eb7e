"""Whole runs over machines that keep what is put on them."""

from __future__ import annotations

import threading

import pytest

from clusterkit.command import Command, Result
from clusterkit.errors import (
    CommandFailed,
    DidNotConverge,
    NodesFailed,
    TransportError,
)
from clusterkit.events import NodeSettled
from clusterkit.executor import Outcome, converge
from clusterkit.tasks.base import Stage
from tests.unit.machines import (
    PATIENCE_S,
    Answers,
    Fleet,
    Has,
    Machines,
    ignore,
    three,
    written,
)


def test_what_differs_is_applied_and_the_second_run_changes_nothing():
    machines = Machines({"n1": {"/f": "right"}, "n2": {"/f": "wrong"}, "n3": {}})

    first = converge([three()], machines, ignore)
    second = converge([three()], machines, ignore)

    assert sorted(first.steps, key=lambda step: step.node) == [
        written("n2", "/f"),
        written("n3", "/f"),
    ]
    assert machines.files == {name: {"/f": "right"} for name in ("n1", "n2", "n3")}
    assert second.steps == []
    assert sorted(second.settled, key=lambda row: row.node) == [
        NodeSettled(name, "files", "/f is right") for name in ("n1", "n2", "n3")
    ]


def test_a_node_that_still_differs_is_an_error_that_says_what():
    machines = Machines({"n1": {"/old": "x"}}, deaf={"n1"})

    with pytest.raises(DidNotConverge) as caught:
        converge([Stage("files", (Has("n1", "/f", absent=("/old",)),))], machines, ignore)

    assert str(caught.value) == (
        "n1: after `remove /old; write /f`, still needs `write /f`. "
        "Fix: look at that node, then run the same command again"
    )


def test_one_failing_node_of_three_lets_the_others_finish_and_no_later_stage_begin():
    machines = Machines({}, failing={"n2"})
    later = Stage("later", (Has("n1", "/later"),))
    outcome = Outcome()

    with pytest.raises(NodesFailed) as caught:
        converge([three(), later], machines, ignore, outcome)

    assert str(caught.value) == "n2: exit 1: put /f (5 bytes, mode 644)\ndisk full"
    assert caught.value.exit_code == 3
    assert isinstance(caught.value.failures["n2"], CommandFailed)
    assert machines.files == {"n1": {"/f": "right"}, "n3": {"/f": "right"}}
    assert sorted(step.node for step in outcome.steps) == ["n1", "n3"]


def test_where_no_node_can_be_reached_the_exit_code_says_so_and_every_node_is_named():
    machines = Machines({}, unreachable={"n1", "n2", "n3"})

    with pytest.raises(NodesFailed) as caught:
        converge([three()], machines, ignore)

    assert str(caught.value) == "\n".join(f"{n}: no route to host" for n in ("n1", "n2", "n3"))
    assert caught.value.exit_code == 4


def test_the_error_of_an_only_node_is_raised_as_it_is():
    machines = Machines({}, unreachable={"n1"})

    with pytest.raises(TransportError, match=r"^n1: no route to host$"):
        converge([Stage("files", (Has("n1", "/f"),))], machines, ignore)


def test_different_nodes_are_worked_on_at_once():
    together = threading.Barrier(3, timeout=PATIENCE_S)
    machines = Machines({}, during=lambda *_: together.wait())

    converge([three()], machines, ignore)

    assert sorted(machines.files) == ["n1", "n2", "n3"]


def test_one_task_may_change_many_nodes_at_once():
    together = threading.Barrier(3, timeout=PATIENCE_S)
    machines = Machines({}, during=lambda *_: together.wait())

    converge([Stage("nodes", (Fleet(("n1", "n2", "n3")),))], machines, ignore)

    assert sorted(machines.done) == [(n, "put /f (5 bytes, mode 644)") for n in ("n1", "n2", "n3")]


def test_the_tasks_and_steps_of_one_node_keep_their_order():
    machines = Machines({"n1": {}})
    tasks = tuple(Has("n1", f"/{number}") for number in range(20))

    outcome = converge([Stage("files", tasks)], machines, ignore)

    assert [step.summary for step in outcome.steps] == [f"write /{n}" for n in range(20)]
    assert machines.done == [("n1", f"put /{n} (5 bytes, mode 644)") for n in range(20)]


def test_what_a_node_begins_with_removing_makes_room_before_another_node_gets_it():
    machines = Machines({"old": {"/f": "x"}})

    def during(node, action, _):
        if node != "old":
            assert machines.files["old"] == {}, "the address is still taken"

    machines.during = during
    converge([Stage("nodes", (Fleet(("n1", "n2"), former=("old",)),))], machines, ignore)

    assert machines.done[0] == ("old", "rm /f")
    assert machines.files == {"old": {}, "n1": {"/f": "right"}, "n2": {"/f": "right"}}


def test_a_removal_that_fails_does_not_keep_the_other_nodes_from_their_rest():
    machines = Machines({"old": {"/f": "x"}}, failing={"old"})

    with pytest.raises(NodesFailed) as caught:
        converge([Stage("nodes", (Fleet(("n1",), former=("old",)),))], machines, ignore)

    assert caught.value.exit_code == 3
    assert list(caught.value.failures) == ["old"]
    assert machines.files["n1"] == {"/f": "right"}


def test_a_node_that_could_not_be_freed_gets_nothing():
    class Refuses(Machines):
        def perform(self, node, action, on_progress=None):
            if isinstance(action, Command) and action.argv[0] == "rm":
                return Result(node, action, 1, stderr="in use")
            return super().perform(node, action, on_progress)

    refuses = Refuses({"n1": {"/old": "x"}})
    replace_it = Stage("nodes", (Has("n1", "/f", absent=("/old",)),))

    with pytest.raises(CommandFailed, match=r"^n1: exit 1: rm /old\nin use$"):
        converge([replace_it], refuses, ignore)

    assert refuses.done == []


def test_a_task_may_want_to_hear_of_a_node_that_does_not_answer():
    machines = Machines({}, boots_after={"n1": 1})

    outcome = converge([Stage("trust", (Answers("n1"),))], machines, ignore)

    assert [step.summary for step in outcome.steps] == [
        "restart: exit 255, n1: connection refused"
    ]


def test_what_was_restarted_may_take_its_time_to_answer():
    machines = Machines({}, boots_after={"n1": 3})

    outcome = converge([Stage("trust", (Answers("n1", settles_s=PATIENCE_S),))], machines, ignore)

    assert [step.action.operation for step in outcome.steps] == ["restart"]
    assert machines.boots_after == {"n1": 0}


def test_what_an_earlier_stage_started_is_given_time_before_it_is_restarted():
    machines = Machines({})
    machines.during = lambda *_: machines.boots_after.update(n1=3)
    stages = [
        Stage("nodes", (Fleet(("n1",)),)),
        Stage("trust", (Answers("n1", settles_s=PATIENCE_S),)),
    ]

    outcome = converge(stages, machines, ignore)

    assert [step.summary for step in outcome.steps] == ["write"]

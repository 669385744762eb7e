"""What a run tells, what it checks, and how it ends when it is interrupted."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from clusterkit.errors import (
    ClusterkitError,
    CommandFailed,
    Interrupted,
    NodesFailed,
)
from clusterkit.events import NodeSettled, Progress, StageStarted, StepEnded, StepStarted
from clusterkit.executor import converge, on_each
from clusterkit.tasks.base import Stage
from tests.unit.machines import (
    FACTS,
    PATIENCE_S,
    Has,
    Machines,
    ignore,
    written,
)


def test_the_check_of_a_stage_sees_the_facts_of_all_its_nodes_and_not_those_of_others():
    seen = []
    machines = Machines({})
    stages = [
        Stage("one", (Has("n1", "/f", facts=FACTS),)),
        Stage("two", (Has("n2", "/f", facts=FACTS), Has("n3", "/f", facts=FACTS)), seen.append),
    ]

    outcome = converge(stages, machines, ignore)

    assert seen == [{"n2": FACTS, "n3": FACTS}]
    assert outcome.facts == {"n1": FACTS, "n2": FACTS, "n3": FACTS}


def test_nothing_is_checked_when_a_node_failed():
    seen = []
    stage = Stage("one", (Has("n1", "/f", facts=FACTS), Has("n2", "/f")), seen.append)

    with pytest.raises(NodesFailed):
        converge([stage], Machines({}, failing={"n2"}), ignore)

    assert seen == []


def test_events_tell_each_step_and_that_the_node_is_settled():
    events = []
    machines = Machines({}, during=lambda *step: step[-1]("half way"))

    converge([Stage("files", (Has("n1", "/f"),))], machines, events.append)

    step = written("n1", "/f")
    took_s = events[3].took_s
    assert events == [
        StageStarted("files", ("n1",)),
        StepStarted(step),
        Progress("n1", "half way", 1),
        StepEnded(step, took_s),
        NodeSettled("n1", "files", "/f is right"),
    ]


def test_events_tell_a_failing_step_with_its_error():
    events = []
    with pytest.raises(CommandFailed):
        converge([Stage("files", (Has("n1", "/f"),))], Machines({}, failing={"n1"}), events.append)

    error = "n1: exit 1: put /f (5 bytes, mode 644)\ndisk full"
    assert events[2:] == [StepEnded(written("n1", "/f"), events[2].took_s, error)]


def press_ctrl_c():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def test_ctrl_c_ends_what_is_under_way_and_lets_nothing_more_begin():
    n2_is_under_way, n2_may_end = threading.Event(), threading.Event()

    def during(node, action, on_progress):
        if node == "n2":
            n2_is_under_way.set()
            assert n2_may_end.wait(PATIENCE_S)
            return
        assert n2_is_under_way.wait(PATIENCE_S)
        press_ctrl_c()
        until = time.monotonic() + PATIENCE_S
        try:
            while time.monotonic() < until:
                on_progress("building")
        except Interrupted:
            n2_may_end.set()
            raise

    machines = Machines({}, during=during)
    tasks = (Has("n1", "/f"), Has("n2", "/f"), Has("n2", "/g"))

    with pytest.raises(KeyboardInterrupt):
        converge([Stage("files", tasks), Stage("later", (Has("n1", "/l"),))], machines, ignore)

    assert machines.files == {"n2": {"/f": "right"}}


def test_ctrl_c_asks_no_more_nodes():
    asked = []

    def ask(node):
        asked.append(node)
        if node == "n0":
            press_ctrl_c()
        stopping.wait(PATIENCE_S)

    stopping = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        on_each([f"n{number}" for number in range(200)], ask, stopping.set)

    assert len(asked) <= 64


def test_answers_come_in_the_order_of_the_nodes_and_errors_are_answers():
    failed = ClusterkitError("n2: no")

    def ask(node):
        if node == "n2":
            raise failed
        return node.upper()

    assert list(on_each(["n3", "n2", "n1"], ask).items()) == [
        ("n3", "N3"),
        ("n2", failed),
        ("n1", "N1"),
    ]
    assert on_each([], ask) == {}


def test_a_mistake_in_our_own_code_is_not_taken_for_an_answer():
    def ask(node):
        raise KeyError(node)

    with pytest.raises(KeyError):
        on_each(["n1"], ask)

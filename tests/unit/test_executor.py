"""Whole runs over machines that keep what is put on them."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from clusterkit.command import HOST, Command, DockerCall, Put, Result, Step
from clusterkit.errors import (
    ClusterkitError,
    CommandFailed,
    DidNotConverge,
    Interrupted,
    NodesFailed,
    TransportError,
)
from clusterkit.events import NodeSettled, Progress, StageStarted, StepEnded, StepStarted
from clusterkit.executor import Outcome, converge, from_scratch, on_each, preview
from clusterkit.facts import NodeFacts
from clusterkit.tasks.base import Change, Stage

PATIENCE_S = 10


@dataclass
class Machines:
    """Machines that hold files. ``deaf`` ones lose every file; ``during`` runs within a step."""

    files: dict[str, dict[str, str]]
    unreachable: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)
    boots_after: dict[str, int] = field(default_factory=dict)
    during: Callable[[str, object, Callable[[str], None] | None], None] | None = None
    done: list[tuple[str, str]] = field(default_factory=list)

    def perform(self, node, action, on_progress=None):
        if node in self.unreachable:
            raise TransportError(node, "no route to host")
        if isinstance(action, Command) and action.argv[0] == "cat":
            return self._look(node, action)
        if self.during:
            self.during(node, action, on_progress)
        self.done.append((node, str(action)))
        if node in self.failing:
            return Result(node, action, 1, stderr="disk full")
        if isinstance(action, Put) and node not in self.deaf:
            self.files.setdefault(node, {})[action.path] = action.content.decode()
        if isinstance(action, Command):
            self.files[node].pop(action.argv[1])
        return Result(node, action, 0)

    def _look(self, node, action):
        if self.boots_after.get(node, 0) > 0:
            self.boots_after[node] -= 1
            raise TransportError(node, "connection refused")
        seen = self.files if node == HOST else self.files.get(node, {})
        return Result(node, action, 0, stdout=json.dumps(seen))


@dataclass(frozen=True)
class Has:
    """The node has a file, and no other of ``absent``."""

    node: str
    path: str
    content: str = "right"
    absent: tuple[str, ...] = ()
    facts: NodeFacts | None = None
    needs_answer: bool = True

    def probe(self):
        return Command(("cat", self.path))

    def plan(self, seen):
        files = json.loads(seen.check().stdout) if seen else {}
        steps = [
            Step(self.node, f"remove {path}", Command(("rm", path)), "-")
            for path in self.absent
            if path in files
        ]
        if files.get(self.path) != self.content:
            put = Put(self.path, self.content.encode())
            steps.append(Step(self.node, f"write {self.path}", put, "+"))
        return Change(f"{self.path} is right", tuple(steps), self.facts)


@dataclass(frozen=True)
class Answers:
    """The node answers; one that does not is restarted by the host, and may take its time."""

    node: str
    settles_s: float = 0.0
    needs_answer: bool = False

    def probe(self):
        return Command(("cat", "/"))

    def plan(self, seen):
        if seen is None or seen.ok:
            return Change("answers")
        restart = DockerCall("restart", self.node)
        step = Step(self.node, f"restart: exit {seen.exit_code}, {seen.stderr}", restart)
        return Change("restart", (step,), settles_s=self.settles_s)


def ignore(event):
    """The sink of a test that is about something else."""


def written(node, path, stage="files"):
    return Step(node, f"write {path}", Put(path, b"right"), "+", stage)


def three(**options):
    return Stage("files", tuple(Has(name, "/f", **options) for name in ("n1", "n2", "n3")))


# Converge


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


@dataclass(frozen=True)
class Fleet:
    """All nodes have the file, and ``former`` ones not, whose address may be wanted."""

    nodes: tuple[str, ...]
    former: tuple[str, ...] = ()
    node: str = HOST
    needs_answer: bool = True

    def probe(self):
        return Command(("cat", "/"))

    def plan(self, seen):
        has = {node for node, files in json.loads(seen.check().stdout).items() if files}
        remove = [Step(n, "remove", Command(("rm", "/f")), "-") for n in self.former if n in has]
        write = [Step(n, "write", Put("/f", b"right"), "+") for n in self.nodes if n not in has]
        return Change("as it should be", (*write, *remove))


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


FACTS = NodeFacts("n1", 2, 10, 5, "/usr/bin/python3", "3.11.2")


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


# Interrupted


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
        on_each([f"n{number}" for number in range(200)], ask, stopping)

    assert len(asked) <= 64


# Preview


def test_a_preview_changes_nothing_and_names_what_would_be_done():
    machines = Machines({"n1": {"/f": "right"}, "n2": {"/f": "wrong"}, "n3": {}})

    outcome = preview([three()], machines, ignore)

    assert outcome.applied == [(written("n2", "/f"), 0.0), (written("n3", "/f"), 0.0)] or (
        outcome.applied == [(written("n3", "/f"), 0.0), (written("n2", "/f"), 0.0)]
    )
    assert outcome.settled == [NodeSettled("n1", "files", "/f is right")]
    assert machines.done == []


@dataclass(frozen=True)
class Started:
    """Containers that are yet to be started, or made."""

    nodes: tuple[str, ...]
    by: str = "start"
    node: str = HOST
    needs_answer: bool = True

    def probe(self):
        return Command(("cat", "/"))

    def plan(self, _):
        return Change("", tuple(Step(n, self.by, DockerCall(self.by, n)) for n in self.nodes))


@dataclass(frozen=True)
class Learns(Has):
    """Learns facts, and plans nothing where nothing can be looked at."""

    def plan(self, seen):
        return Change("known", facts=FACTS) if seen else Change("<known after nodes>")


def test_a_preview_plans_from_scratch_behind_a_container_that_is_yet_to_be_made():
    machines = Machines({"n2": {"/f": "right"}}, unreachable={"n1"})
    stages = [
        Stage("nodes", (Started(("n1",), "create"),)),
        Stage("files", (Has("n1", "/f"), Learns("n1", "/"), Has("n2", "/f"), Learns("n2", "/"))),
    ]

    outcome = preview(stages, machines, ignore)

    create = Step("n1", "create", DockerCall("create", "n1"), stage="nodes")
    assert outcome.steps == [create, written("n1", "/f")]
    assert outcome.unknown == ["n1: files <known after nodes>"]
    assert outcome.facts == {"n2": FACTS}


def test_a_preview_cannot_know_what_is_behind_a_container_that_is_yet_to_start():
    machines = Machines({"n2": {"/f": "right"}}, unreachable={"n1"})
    stages = [
        Stage("nodes", (Started(("n1",)),)),
        Stage("files", (Has("n1", "/f"), Learns("n1", "/"), Has("n2", "/f"), Learns("n2", "/"))),
    ]

    outcome = preview(stages, machines, ignore)

    assert outcome.steps == [Step("n1", "start", DockerCall("start", "n1"), stage="nodes")]
    assert outcome.unknown == ["n1: files <known after nodes>"]
    assert outcome.facts == {"n2": FACTS}


def test_a_preview_does_not_look_behind_a_restart_of_the_same_stage():
    machines = Machines({}, unreachable={"n1"})
    stage = Stage("trust", (Answers("n1"), Has("n1", "/f")))

    outcome = preview([stage], machines, ignore)

    assert [step.summary for step in outcome.steps] == ["restart: exit 255, n1: no route to host"]
    assert outcome.unknown == ["n1: trust <known after trust>"]


def test_a_file_that_is_yet_to_be_written_hides_nothing_from_a_preview():
    machines = Machines({"n1": {"/g": "right"}})
    stages = [Stage("files", (Has("n1", "/f"),)), Stage("more", (Has("n1", "/g"),))]

    outcome = preview(stages, machines, ignore)

    assert outcome.steps == [written("n1", "/f")]


def test_a_preview_tells_every_node_that_it_cannot_see():
    machines = Machines({"n1": {"/f": "right"}}, unreachable={"n2", "n3"})

    with pytest.raises(NodesFailed) as caught:
        preview([three()], machines, ignore)

    assert str(caught.value) == "n2: no route to host\nn3: no route to host"
    assert caught.value.exit_code == 3


def test_from_scratch_looks_at_nothing():
    steps = from_scratch([three(), Stage("more", (Has("n1", "/g"),))])

    assert steps == [
        written("n1", "/f"),
        written("n2", "/f"),
        written("n3", "/f"),
        written("n1", "/g", "more"),
    ]


# Many at once


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

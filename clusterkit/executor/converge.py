"""Make the nodes match the tasks of each stage: look, plan, apply, look again."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event
from typing import Protocol

from clusterkit.command import Action, DockerLook, Result, Step
from clusterkit.errors import ClusterkitError, DidNotConverge, Interrupted, TransportError
from clusterkit.events import (
    NodeSettled,
    Progress,
    Sink,
    StageStarted,
    StepEnded,
    StepStarted,
)
from clusterkit.executor.many import on_each, raise_failures
from clusterkit.facts import NodeFacts
from clusterkit.tasks.base import Change, Stage, Task

_LOOK_EVERY_S = 0.02

UNREACHABLE = 255
"""What a task sees as the exit code of a node that does not answer, as ssh itself would say."""


class Performer(Protocol):
    """What the executor needs of the world; see transports/world.py."""

    def perform(
        self,
        node: str,
        action: Action | DockerLook,
        on_progress: Callable[[str], None] | None = None,
    ) -> Result:
        """Do one action, on a node or on the Docker host."""
        ...

    def leave_silent(self) -> Collection[str]:
        """The nodes that do not answer now; nobody waits for them any more."""
        ...


@dataclass
class Outcome:
    """What a run through the stages did, or in a preview would do."""

    applied: list[tuple[Step, float]] = field(default_factory=list)
    settled: list[NodeSettled] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    facts: dict[str, NodeFacts] = field(default_factory=dict)
    images: dict[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def steps(self) -> list[Step]:
        """The steps alone."""
        return [step for step, _ in self.applied]


def converge(
    stages: Iterable[Stage],
    world: Performer,
    sink: Sink,
    outcome: Outcome | None = None,
    permit: Callable[[Step], None] = lambda _: None,
) -> Outcome:
    """Make everything so, stage after stage; ``outcome`` grows while that happens.

    ``permit`` is asked before each step, which it may forbid by raising.

    Raises:
        NodesFailed: With every node's error; the other nodes finish the stage, later stages do
            not begin. A single error that belongs to no node is raised as it is.
        DidNotConverge: If a node still differs afterwards, which is a bug in a task.
        KeyboardInterrupt: Once the steps that were under way have ended; no other begins.
    """
    outcome = outcome or Outcome()
    stopping = Event()
    for stage in stages:
        run = Converging(stage.name, world, sink, outcome, stopping, permit)
        run_stage(stage, run, outcome, world, stopping)
    return outcome


def from_scratch(stages: Iterable[Stage]) -> list[Step]:
    """The steps that make everything from nothing; looks at nothing, for ``--dry-run``."""
    return [
        replace(step, stage=stage.name)
        for stage in stages
        for task in stage.tasks
        for step in task.plan(None).steps
    ]


def run_stage(
    stage: Stage,
    run: Callable[[Task], None],
    outcome: Outcome,
    world: Performer,
    stopping: Event,
) -> None:
    """Run the tasks of all nodes at once, those of one node in order, and collect every error.

    Interrupted, what is under way ends first, but on machines that do not answer any more.
    """
    by_node: dict[str, list[Task]] = {}
    for task in stage.tasks:
        by_node.setdefault(task.node, []).append(task)

    def run_in_order(node: str) -> None:
        for task in by_node[node]:
            run(task)

    def stop() -> Collection[str]:
        stopping.set()
        return world.leave_silent()

    answers = on_each(by_node, run_in_order, stop)
    raise_failures(answers)
    if stage.check is not None and outcome.facts:
        stage.check({node: outcome.facts[node] for node in by_node if node in outcome.facts})
    if stage.check_images is not None:
        stage.check_images({n: outcome.images[n] for n in by_node if n in outcome.images})


@dataclass
class Converging:
    """Look, apply, look again, for one task of one stage."""

    stage: str
    world: Performer
    sink: Sink
    outcome: Outcome
    stopping: Event
    permit: Callable[[Step], None]

    def __call__(self, task: Task) -> None:
        """Settle one task, or raise."""
        change = self._look(task)
        if change.settles_s and any(step.node == task.node for step in self.outcome.steps):
            change = self._look_until_settled(task, change.settles_s)
        if change.steps:
            self._apply(change.steps)
            applied, change = change, self._look_until_settled(task, change.settles_s)
            _raise_if_differs(task, applied, change)
        if change.facts:
            self.outcome.facts[task.node] = change.facts
        if change.images:
            self.outcome.images[task.node] = change.images
        self._settle(task, change)

    def _look(self, task: Task) -> Change:
        self._stop_if_asked()
        probe = task.probe()
        try:
            seen = self.world.perform(task.node, probe)
        except TransportError as error:
            if task.needs_answer:
                raise
            seen = Result(task.node, probe, UNREACHABLE, stderr=str(error))
        return task.plan(seen)

    def _look_until_settled(self, task: Task, settles_s: float) -> Change:
        """What was started may take a moment to show: look until it does, or its time is over."""
        until = time.monotonic() + settles_s
        change = self._look(task)
        while change.steps and time.monotonic() < until:
            time.sleep(_LOOK_EVERY_S)
            change = self._look(task)
        return change

    def _apply(self, steps: tuple[Step, ...]) -> None:
        """Apply steps: those of one node in order, different nodes at once.

        What a node begins with removing goes before all else: it frees what another node is to
        get, such as an address.
        """
        first, rest = _leading_removals(replace(step, stage=self.stage) for step in steps)
        answers: dict[str, object] = dict.fromkeys([*first, *rest])
        for by_node in (first, rest):
            whole = [node for node in by_node if answers[node] is None]
            answers |= on_each(whole, partial(self._apply_in_order, by_node))
        raise_failures(answers)

    def _apply_in_order(self, by_node: Mapping[str, list[Step]], node: str) -> None:
        for step in by_node[node]:
            self._apply_one(step)

    def _apply_one(self, step: Step) -> None:
        self._stop_if_asked()
        self.permit(step)
        self.sink(StageStarted(self.stage, (step.node,)))
        self.sink(StepStarted(step))
        began = time.monotonic()
        count = 0

        def on_progress(line: str) -> None:
            self._stop_if_asked()  # a build or a pull may take minutes
            nonlocal count
            count += 1
            self.sink(Progress(step.node, line, count))

        try:
            self.world.perform(step.node, step.action, on_progress).check()
        except ClusterkitError as error:
            self.sink(StepEnded(step, time.monotonic() - began, str(error)))
            raise
        took_s = time.monotonic() - began
        self.outcome.applied.append((step, took_s))
        self.sink(StepEnded(step, took_s))

    def _stop_if_asked(self) -> None:
        if self.stopping.is_set():
            raise Interrupted("the user asked to stop")

    def _settle(self, task: Task, change: Change) -> None:
        settled = NodeSettled(task.node, self.stage, change.summary)
        self.outcome.settled.append(settled)
        self.sink(settled)


def _leading_removals(
    steps: Iterable[Step],
) -> tuple[dict[str, list[Step]], dict[str, list[Step]]]:
    """The removals with which each node's steps begin, and the steps after them."""
    first: dict[str, list[Step]] = {}
    rest: dict[str, list[Step]] = {}
    for step in steps:
        part = first if step.sign == "-" and step.node not in rest else rest
        part.setdefault(step.node, []).append(step)
    return first, rest


def _raise_if_differs(task: Task, applied: Change, again: Change) -> None:
    if again.steps:
        did = "; ".join(step.summary for step in applied.steps)
        needs = "; ".join(step.summary for step in again.steps)
        raise DidNotConverge(
            f"{task.node}: after `{did}`, still needs `{needs}`. "
            "Fix: look at that node, then run the same command again"
        )

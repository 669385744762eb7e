"""Make the nodes match the tasks of each stage: look, plan, apply, look again; many at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from clusterkit.command import HOST, Action, DockerLook, Result, Step
from clusterkit.errors import ClusterkitError, DidNotConverge, NodesFailed, TransportError
from clusterkit.events import (
    NodeSettled,
    Progress,
    Sink,
    StageStarted,
    StepEnded,
    StepStarted,
)
from clusterkit.facts import NodeFacts
from clusterkit.tasks.base import Change, Stage, Task

MAX_WORKERS = 64
"""How many nodes are worked on at once; each has one connection."""

T = TypeVar("T")

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


@dataclass
class Outcome:
    """What a run through the stages did, or in a preview would do."""

    applied: list[tuple[Step, float]] = field(default_factory=list)
    settled: list[NodeSettled] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    facts: dict[str, NodeFacts] = field(default_factory=dict)

    @property
    def steps(self) -> list[Step]:
        """The steps alone."""
        return [step for step, _ in self.applied]


def converge(
    stages: Iterable[Stage], world: Performer, sink: Sink, outcome: Outcome | None = None
) -> Outcome:
    """Make everything so, stage after stage; ``outcome`` grows while that happens.

    Raises:
        NodesFailed: With every node's error; the other nodes finish the stage, later stages do
            not begin. A single error that belongs to no node is raised as it is.
        DidNotConverge: If a node still differs afterwards, which is a bug in a task.
    """
    outcome = outcome or Outcome()
    for stage in stages:
        _run_stage(stage, _Converge(stage.name, world, sink, outcome), outcome)
    return outcome


def preview(stages: Iterable[Stage], world: Performer, sink: Sink) -> Outcome:
    """What :func:`converge` would do now; changes nothing.

    What stands behind a step that was not applied cannot be looked at: there, the tasks are
    planned as if nothing were there yet, and facts stay unknown.
    """
    outcome = Outcome()
    for stage in stages:
        changing = {step.node for step in outcome.steps} - {HOST}
        _run_stage(stage, _Preview(stage.name, world, sink, outcome, changing), outcome)
    return outcome


def from_scratch(stages: Iterable[Stage]) -> list[Step]:
    """The steps that make everything from nothing; looks at nothing, for ``--dry-run``."""
    return [
        replace(step, stage=stage.name)
        for stage in stages
        for task in stage.tasks
        for step in task.plan(None).steps
    ]


def on_each(nodes: Iterable[str], ask: Callable[[str], T]) -> Mapping[str, T | ClusterkitError]:
    """Ask many nodes at once; an error is an answer like any other, in the order of ``nodes``."""
    names = list(nodes)

    def answer(node: str) -> T | ClusterkitError:
        try:
            return ask(node)
        except ClusterkitError as error:
            return error

    with ThreadPoolExecutor(max(1, min(MAX_WORKERS, len(names)))) as pool:
        return dict(zip(names, pool.map(answer, names), strict=True))


def _run_stage(stage: Stage, run: Callable[[Task], None], outcome: Outcome) -> None:
    """Run the tasks of all nodes at once, those of one node in order, and collect every error."""
    by_node: dict[str, list[Task]] = {}
    for task in stage.tasks:
        by_node.setdefault(task.node, []).append(task)

    def run_in_order(node: str) -> None:
        for task in by_node[node]:
            run(task)

    answers = on_each(by_node, run_in_order)
    raise_failures(answers)
    if stage.check is not None and outcome.facts:
        stage.check({node: outcome.facts[node] for node in by_node if node in outcome.facts})


def raise_failures(answers: Mapping[str, object]) -> None:
    """Raise what failed: one error as it is if it was the only node asked, else all together."""
    failures = {
        node: error for node, error in answers.items() if isinstance(error, ClusterkitError)
    }
    if len(failures) == len(answers) == 1:
        raise next(iter(failures.values()))
    if failures:
        raise NodesFailed(failures, succeeded=len(answers) - len(failures))


@dataclass
class _Converge:
    """Look, apply, look again, for one task of one stage."""

    stage: str
    world: Performer
    sink: Sink
    outcome: Outcome

    def __call__(self, task: Task) -> None:
        change = self._look(task)
        if change.steps:
            self._apply(change.steps)
            change = self._look_until_settled(task, change)
        if change.facts:
            self.outcome.facts[task.node] = change.facts
        self._settle(task, change)

    def _look(self, task: Task) -> Change:
        probe = task.probe()
        try:
            seen = self.world.perform(task.node, probe)
        except TransportError as error:
            if task.needs_answer:
                raise
            seen = Result(task.node, probe, UNREACHABLE, stderr=str(error))
        return task.plan(seen)

    def _look_until_settled(self, task: Task, change: Change) -> Change:
        """What was started may take a moment to show: look until it does, or its time is over."""
        until = time.monotonic() + change.settles_s
        again = self._look(task)
        while again.steps and time.monotonic() < until:
            time.sleep(0.1)
            again = self._look(task)
        if again.steps:
            did = "; ".join(step.summary for step in change.steps)
            needs = "; ".join(step.summary for step in again.steps)
            raise DidNotConverge(
                f"{task.node}: after `{did}`, still needs `{needs}`. "
                "Fix: look at that node, then run the same command again"
            )
        return again

    def _apply(self, steps: tuple[Step, ...]) -> None:
        """Apply steps: those of one node in order, different nodes at once."""
        by_node: dict[str, list[Step]] = {}
        for step in steps:
            by_node.setdefault(step.node, []).append(replace(step, stage=self.stage))

        def apply(node: str) -> None:
            for step in by_node[node]:
                self._apply_one(step)

        raise_failures(on_each(by_node, apply))

    def _apply_one(self, step: Step) -> None:
        self.sink(StageStarted(self.stage, (step.node,)))
        self.sink(StepStarted(step))
        began = time.monotonic()
        count = 0

        def on_progress(line: str) -> None:
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

    def _settle(self, task: Task, change: Change) -> None:
        settled = NodeSettled(task.node, self.stage, change.summary)
        self.outcome.settled.append(settled)
        self.sink(settled)


@dataclass
class _Preview(_Converge):
    """Look and plan, and apply nothing. ``changing`` are nodes that earlier steps would change."""

    changing: set[str] = field(default_factory=set)

    def __call__(self, task: Task) -> None:
        change = task.plan(None) if task.node in self.changing else self._look(task)
        self.outcome.applied += [(replace(step, stage=self.stage), 0.0) for step in change.steps]
        if change.facts:
            self.outcome.facts[task.node] = change.facts
        elif change.summary.startswith("<known after"):
            self.outcome.unknown.append(f"{task.node}: {self.stage} {change.summary}")
        if not change.steps:
            self._settle(task, change)

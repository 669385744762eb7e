"""What converging would do now, without doing it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from threading import Event

from clusterkit.command import HOST, DockerCall, Step
from clusterkit.events import Sink
from clusterkit.executor.converge import Converging, Outcome, Performer, run_stage
from clusterkit.tasks.base import Stage, Task


def preview(stages: Iterable[Stage], world: Performer, sink: Sink) -> Outcome:
    """What :func:`converge` would do now; changes nothing.

    Behind a container that is yet to be made, nothing is there; behind one that is yet to be
    started, nothing can be seen: its later tasks are ``unknown``.
    """
    outcome = Outcome()
    stopping = Event()
    made: set[str] = set()
    hidden: dict[str, str] = {}
    for stage in stages:
        rests_on = _not_applied(stage, outcome)
        run = _Previewing(
            stage.name, world, sink, outcome, stopping, _forbid, made, hidden, rests_on
        )
        run_stage(stage, run, outcome, world, stopping)
    return outcome


def _forbid(step: Step) -> None:
    raise AssertionError(f"a preview applies nothing, also not `{step.summary}`")


def _not_applied(stage: Stage, outcome: Outcome) -> str | None:
    """The first stage with steps to apply among those on which ``stage`` rests."""
    names = (stage.after,) if isinstance(stage.after, str) else stage.after
    planned = {step.stage for step in outcome.steps}
    return next((name for name in names if name in planned), None)


@dataclass
class _Previewing(Converging):
    """Look and plan, and apply nothing.

    ``made``: nodes whose container is yet to be made. ``hidden``: those whose container is yet
    to be started, and the stage that does it. ``rests_on``: a stage that has steps to apply, and
    without which nothing is to be seen.
    """

    made: set[str]
    hidden: dict[str, str]
    rests_on: str | None

    def __call__(self, task: Task) -> None:
        """Look at one task, or say why that is not possible."""
        if self.rests_on and task.node not in self.made:
            self._cannot_know(task.node, f"<known after {self.rests_on}>")
            return
        if task.node in self.hidden:
            self._cannot_know(task.node, f"<known after {self.hidden[task.node]}>")
            return
        change = task.plan(None) if task.node in self.made else self._look(task)
        self.outcome.applied += [(replace(step, stage=self.stage), 0.0) for step in change.steps]
        self._note_containers(change.steps)
        if change.images:
            self.outcome.images[task.node] = change.images
        if change.facts:
            self.outcome.facts[task.node] = change.facts
        elif change.summary.startswith("<known after"):
            self._cannot_know(task.node, change.summary)
        if not change.steps:
            self._settle(task, change)

    def _note_containers(self, steps: Iterable[Step]) -> None:
        calls = [
            (step.node, step.action.operation)
            for step in steps
            if isinstance(step.action, DockerCall) and step.node != HOST
        ]
        made = {node for node, operation in calls if operation == "create"}
        self.made |= made
        self.hidden |= {node: self.stage for node, _ in calls if node not in made}

    def _cannot_know(self, node: str, why: str) -> None:
        line = f"{node}: {self.stage} {why}"
        if line not in self.outcome.unknown:
            self.outcome.unknown.append(line)

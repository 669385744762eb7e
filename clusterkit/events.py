"""What happens while a verb runs, for whoever shows it: values only, no text for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from clusterkit.command import Step

Stream = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class StageStarted:
    """The executor looks at ``nodes`` for one stage of the plan."""

    stage: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step is being applied."""

    step: Step


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step was applied, or failed with ``error``."""

    step: Step
    took_s: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NodeSettled:
    """A node is as one stage wants it; ``summary`` says why nothing (more) is to be done."""

    node: str
    stage: str
    summary: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Part of something long is done, in bytes or steps. ``total`` None: not known."""

    node: str
    what: str
    done: int
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the user should know, in words."""

    text: str
    node: str | None = None


@dataclass(frozen=True, slots=True)
class JobStarted:
    """The supervisor runs, and every node's agent has answered."""

    job: str


@dataclass(frozen=True, slots=True)
class JobRunning:
    """The program of every rank was seen to run."""


@dataclass(frozen=True, slots=True)
class JobRestarted:
    """A detached job failed, and its supervisor makes another attempt."""

    job: str
    attempt: int
    of: int
    why: str


@dataclass(frozen=True, slots=True)
class RankStarted:
    """A rank's program runs."""

    rank: int
    node: str
    pid: int


@dataclass(frozen=True, slots=True)
class RankOutput:
    """A line that a rank wrote; without its newline."""

    rank: int
    stream: Stream
    text: str


@dataclass(frozen=True, slots=True)
class LauncherOutput:
    """A line that mpirun or one of its daemons wrote."""

    node: str
    text: str


@dataclass(frozen=True, slots=True)
class RankAnswer:
    """A JSON object that a rank's program sent: tokens, results, reports."""

    rank: int
    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RankEnded:
    """A rank's program ended: by exit code, or by a signal (then the exit code is None)."""

    rank: int
    node: str
    exit_code: int | None
    signal: str | None = None


@dataclass(frozen=True, slots=True)
class NodeLost:
    """A node of the job stopped answering, or its agent died."""

    node: str
    why: str


Event = (
    StageStarted
    | StepStarted
    | StepEnded
    | NodeSettled
    | Progress
    | Note
    | JobStarted
    | JobRunning
    | JobRestarted
    | RankStarted
    | RankOutput
    | LauncherOutput
    | RankAnswer
    | RankEnded
    | NodeLost
)
Sink = Callable[[Event], None]
"""Takes events as they happen, from any thread."""

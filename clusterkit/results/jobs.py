"""What ``jobs``, ``attach``, ``stop`` and ``logs`` answer, and verbs that leave a job running."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model

_STATE = "starting, running, stopping, or how it ended"
_STATES = ["running", "done", "failed", "stalled", "lost"]


class JobCause(Model):
    """Why a job ended otherwise than well, and where."""

    kind: str = Field(examples=["exit-code", "signal", "out-of-memory", "gpu-error", "node-lost"])
    node: str | None = None
    rank: int | None = None
    exit_code: int | None = None
    signal: str | None = Field(default=None, examples=["SIGKILL"])


class ListedJob(Model):
    """One run on the cluster."""

    id: str
    leader: str | None = Field(
        default=None,
        description="The job to which it belongs, as a replica to its router; `stop` ends both",
    )
    verb: str = Field(examples=["infer", "mpi-hello"])
    state: str = Field(description=_STATE, examples=_STATES)
    started_at: str = Field(description="ISO 8601, UTC")
    ended_at: str | None = Field(default=None, description="ISO 8601, UTC; null: not yet")
    ranks: int
    nodes: tuple[str, ...]
    message: str | None = Field(default=None, description="How it ended, in words")
    exit_code: int | None = None
    cause: JobCause | None = None
    owner: str = Field(default="controller", description="supervisor: it was detached")


class JobsResult(Model):
    """The jobs of a cluster, the newest first."""

    cluster: str
    jobs: tuple[ListedJob, ...] = ()


class ShownNode(Model):
    """One node of a job."""

    name: str
    heard_s: float | None = Field(
        default=None, description="Seconds since its last heartbeat; null: the job has ended"
    )


class ShownRank(Model):
    """One rank of a job, and how it ended."""

    rank: int
    node: str
    pid: int | None = Field(default=None, description="On its node; null: it never started")
    state: Literal["waiting", "running", "ended", "lost"] = Field(
        description="lost: its end was not seen"
    )
    process: str | None = Field(
        default=None, description="Of a running one, as ps(1) has it", examples=["R", "S", "T"]
    )
    exit_code: int | None = None
    signal: str | None = None
    last_lines: tuple[str, ...] = ()


class JobAttempt(Model):
    """An attempt that failed, after which the job was run again."""

    outcome: str
    message: str
    cause: JobCause | None = None
    started_at: str = Field(description="ISO 8601, UTC")
    ended_at: str = Field(description="ISO 8601, UTC")


class JobShown(Model):
    """All that is known of one job."""

    cluster: str
    id: str
    verb: str
    state: str = Field(description=_STATE, examples=_STATES)
    owner: str = Field(description="controller, or supervisor: it was detached")
    started_at: str = Field(description="ISO 8601, UTC")
    ended_at: str | None = Field(default=None, description="ISO 8601, UTC; null: not yet")
    took_s: float = Field(description="Seconds, so far or in all")
    message: str | None = Field(default=None, description="How it ended, in words")
    cause: JobCause | None = None
    exit_code: int | None = None
    nodes: tuple[ShownNode, ...]
    ranks: tuple[ShownRank, ...]
    attempts: tuple[JobAttempt, ...] = Field(default=(), description="Those before this one")
    supervisor_pid: int = Field(description="On the head")
    logs: str = Field(description="The folder of its logs on the head")
    launcher_lines: tuple[str, ...] = Field(default=(), description="The last of mpirun's")


class DetachedResult(Model):
    """A job that goes on without us."""

    cluster: str
    job: str
    verb: str
    state: Literal["running"] = "running"
    ranks: int
    nodes: tuple[str, ...]
    attach: str = Field(description="The command that shows it", examples=["clusterkit attach j"])
    stop: str = Field(description="The command that ends it", examples=["clusterkit stop j"])


class StopResult(Model):
    """A job after it was stopped, and after every node was looked at for what it started."""

    cluster: str
    job: str
    state: str = Field(description="Of the job now")
    was_running: bool = Field(description="False: it had ended before")
    left: tuple[str, ...] = Field(
        default=(), description="What is still there, and what would remove it"
    )
    took_s: float = Field(description="Seconds")


class LogLine(Model):
    """One line of a job's log."""

    rank: int | None = Field(description="Null: of the supervisor or the launcher")
    stream: Literal["stdout", "stderr"]
    text: str


class LogsResult(Model):
    """The log of a job, rank by rank."""

    job: str
    lines: tuple[LogLine, ...]

"""What ``jobs``, ``stop`` and ``logs`` answer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model


class ListedJob(Model):
    """One run on the cluster."""

    id: str
    verb: str = Field(examples=["infer", "mpi-hello"])
    state: str = Field(
        description="running, or how it ended", examples=["running", "done", "failed", "lost"]
    )
    started_at: str = Field(description="ISO 8601, UTC")
    ended_at: str | None = Field(default=None, description="ISO 8601, UTC; null: not yet")
    ranks: int
    nodes: tuple[str, ...]
    message: str | None = Field(default=None, description="How it ended, in words")
    exit_code: int | None = None


class JobsResult(Model):
    """The jobs of a cluster, the newest first."""

    cluster: str
    jobs: tuple[ListedJob, ...] = ()


class StopResult(Model):
    """A job after it was stopped, and after every node was looked at for what it started."""

    cluster: str
    job: str
    state: str = Field(description="Of the job now")
    was_running: bool = Field(description="False: it had ended before")
    left: tuple[str, ...] = Field(default=(), description="Processes that are still there")
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

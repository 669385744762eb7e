"""The jobs of a cluster as their head has them on file: list, stop, logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clusterkit.command import Command
from clusterkit.errors import UsageError
from clusterkit.events import Stream
from clusterkit.jobs.job import EXIT_CODES, JobNode
from clusterkit.jobs.look import leftovers, look_everywhere
from clusterkit.payloads.job_protocol import GRACE_S, NOT_RUNNING, OPEN_STATES
from clusterkit.transports.base import Process, Transport

_SHOW_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 17.0  # besides the ranks' grace
_SHOWN = 5
"""So many jobs does a message name."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job on file; times are seconds since 1970.

    ``state`` is ``starting``, ``running``, ``stopping``, or how it ended. ``grace_s``: so long may
    its ranks go on once it is asked to end.
    """

    id: str
    verb: str
    state: str
    started_at: float
    ended_at: float | None
    ranks: int
    nodes: tuple[str, ...]
    message: str | None = None
    exit_code: int | None = None
    cause: Mapping[str, Any] | None = None
    owner: str = "controller"
    grace_s: float = GRACE_S

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self.state in OPEN_STATES

    @property
    def why(self) -> str:
        """How it ended, in one line; of a rank that exited by itself with its last words."""
        lines = [line for line in (self.message or self.state).splitlines() if line.strip()]
        is_by_itself = (self.cause or {}).get("kind") == "exit-code"
        return ": ".join(lines[:1] + lines[1:][-1:] if is_by_itself else lines[:1])


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a job's log. ``rank`` is None for the launcher."""

    rank: int | None
    stream: Stream
    text: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A job after it was asked to stop, and after every node was looked at."""

    row: JobRow
    was_running: bool
    left: tuple[str, ...]


def list_jobs(
    nodes: tuple[JobNode, ...], transports: Callable[[str], Transport]
) -> tuple[JobRow, ...]:
    """All jobs on the head's file, the newest first.

    A job that died without an end is swept from all nodes first, and then on file as lost.
    """
    states = _states(nodes[0], transports)
    dead = [state["id"] for state in states if state["state"] == "died"]
    for job in dead:
        look_everywhere(job, nodes, transports)
    return tuple(_row(state) for state in (_states(nodes[0], transports) if dead else states))


def stop_job(
    job: str,
    nodes: tuple[JobNode, ...],
    transports: Callable[[str], Transport],
    *,
    now: bool = False,
) -> Stopped:
    """Ask a job's supervisor to end it, wait for that, and look on every node.

    ``now``: its ranks get no time to end by themselves.

    Raises:
        UsageError: If there is no such job.
    """
    head = nodes[0]
    row = find_job(job, list_jobs(nodes, transports))
    asked = transports(head.name).run(stop_command(head, job, grace_s=row.grace_s, now=now))
    if asked.exit_code != NOT_RUNNING:
        asked.check()
    left = leftovers(look_everywhere(job, nodes, transports))
    row = find_job(job, list_jobs(nodes, transports))
    return Stopped(row, asked.ok, left)


def read_logs(
    job: str,
    head: JobNode,
    transport: Transport,
    on_line: Callable[[LogLine], None],
    *,
    rank: int | None = None,
    follow: bool = False,
) -> Process:
    """Hand over a job's log, line by line; wait for the process that is returned.

    With ``follow`` that goes on until the job has ended.
    """

    def take(stream: Stream, text: str) -> None:
        if stream == "stdout":
            on_line(LogLine(**json.loads(text)))

    process = transport.start(logs_command(head, job, rank=rank, follow=follow), take)
    process.close_stdin()
    return process


def find_job(job: str, rows: tuple[JobRow, ...]) -> JobRow:
    """The row of one job.

    Raises:
        UsageError: If there is no such job, with those that there are.
    """
    for row in rows:
        if row.id == job:
            return row
    known = ", ".join(row.id for row in rows[:_SHOWN]) or "none"
    older = ", or an older one of `clusterkit jobs`" if len(rows) > _SHOWN else ""
    raise UsageError(f"no job {job} on this cluster. Fix: use one of these: {known}{older}")


def show_job(job: str, head: JobNode, transport: Transport) -> dict[str, Any]:
    """All that is on file of one job, and of one that runs what its supervisor sees now."""
    shown = transport.run(show_command(head, job)).check()
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


def list_command(head: JobNode) -> Command:
    """Print every job's state."""
    return Command(_job_files(head, "list"))


def show_command(head: JobNode, job: str) -> Command:
    """Print all that is known of a job."""
    return Command(_job_files(head, "show", job), timeout_s=_SHOW_TIMEOUT_S)


def follow_command(head: JobNode, job: str) -> Command:
    """Print what a job's owner was told, until its end."""
    return Command(_job_files(head, "follow", job))


def stop_command(
    head: JobNode, job: str, *, grace_s: float = GRACE_S, now: bool = False
) -> Command:
    """Ask a job's supervisor to end it, and wait for that."""
    words = (job, "now") if now else (job,)
    return Command(_job_files(head, "stop", *words), timeout_s=_STOP_TIMEOUT_S + grace_s)


def logs_command(head: JobNode, job: str, *, rank: int | None, follow: bool) -> Command:
    """Print a job's log."""
    which = "all" if rank is None else str(rank)
    return Command(_job_files(head, "logs", job, which, "follow" if follow else "once"))


def _states(head: JobNode, transports: Callable[[str], Transport]) -> list[dict[str, Any]]:
    listed = transports(head.name).run(list_command(head)).check()
    return [json.loads(line) for line in listed.stdout.splitlines()]


def _job_files(head: JobNode, what: str, *words: str) -> tuple[str, ...]:
    return head.payload("job_files", what, f"{head.home}/jobs", *words)


def _row(state: dict[str, Any]) -> JobRow:
    return JobRow(
        id=state["id"],
        verb=state["verb"],
        state=state["state"],
        started_at=state["started_at"],
        ended_at=state["ended_at"],
        ranks=len(state["ranks"]),
        nodes=tuple(node["name"] for node in state["nodes"]),
        message=state["message"],
        exit_code=EXIT_CODES.get(state["state"]),
        cause=state.get("cause"),
        owner=state.get("owner", "controller"),
        grace_s=state.get("grace_s", GRACE_S),
    )

"""Reach a server that runs on, from this machine."""

from __future__ import annotations

import time
from collections.abc import Callable

from clusterkit.command import Step
from clusterkit.errors import CommandFailed, Interrupted, JobFailed, TransportError, UsageError
from clusterkit.jobs import JobRow, list_jobs, show_job
from clusterkit.jobs.records import find_job, show_command
from clusterkit.model.serve_options import ProxyOptions
from clusterkit.results.serve import ProxyResult
from clusterkit.transports.world import World
from clusterkit.use_cases.asked import ServeAsked
from clusterkit.use_cases.jobs import job_nodes, jobs_steps, planned_nodes
from clusterkit.use_cases.served import tunnelled
from clusterkit.use_cases.session import Session, open_world

_LOOK_EVERY_S = 5.0


def proxy(
    session: Session, options: ProxyOptions, on_ready: Callable[[ProxyResult], None]
) -> None:
    """Keep a tunnel to the server until it has ended; ``on_ready`` once it is there.

    A server that restarts, or a machine that cannot be reached for a while, is found again.

    Raises:
        UsageError: If no server runs, or the job is none, or the port cannot be had.
        Interrupted: After Ctrl-C: the server goes on.
        JobFailed: When the server has ended otherwise than well.
    """
    with open_world(session) as world:
        rows = list_jobs(job_nodes(session), world.transport)
        row = open_server(session, rows, options.job)
        asked = asked_of(session, world, row)
        with tunnelled(session, asked.served, port=options.port) as reached:
            on_ready(
                ProxyResult(
                    cluster=session.cluster.name,
                    job=row.id,
                    url=reached.url,
                    grpc=reached.grpc,
                    metrics=reached.metrics,
                )
            )
            try:
                _until_end(session, world, row.id)
            except KeyboardInterrupt:
                raise Interrupted(
                    f"job {row.id} goes on. Fix: `clusterkit proxy {row.id}` leads to it again, "
                    f"`clusterkit stop {row.id}` ends it"
                ) from None


def proxy_steps(session: Session, options: ProxyOptions) -> list[Step]:
    """What :func:`proxy` asks the head, not asked."""
    head = planned_nodes(session)[0]
    job = options.job or "<the last running server>"
    look = Step(head.name, f"look where {job} is", show_command(head, job), stage="jobs")
    return [*jobs_steps(session), look]


def asked_of(session: Session, world: World, row: JobRow) -> ServeAsked:
    """What a job of ``serve`` was asked.

    Raises:
        UsageError: If that is not on file.
    """
    head = job_nodes(session)[0]
    asked = show_job(row.id, head, world.transport(head.name))["asked"]
    if not asked or "served" not in asked:
        raise UsageError(f"job {row.id}: where it listens is not on file. Fix: `clusterkit serve`")
    return ServeAsked.read(row.id, asked)


def open_server(session: Session, rows: tuple[JobRow, ...], job: str | None) -> JobRow:
    """The server that runs: ``job``, or the newest.

    Raises:
        UsageError: If it does not, or is none.
    """
    if job is None:
        for row in rows:
            if row.verb == "serve" and row.is_open:
                return row
        raise UsageError(
            f"no server runs on cluster {session.cluster.name}. Fix: start one with `clusterkit "
            "serve --detach`; `clusterkit chat --url URL` talks to any other"
        )
    row = find_job(job, rows)
    if row.verb != "serve":
        raise UsageError(f"job {row.id} is no server: `{row.verb}` began it. Fix: leave it out")
    if not row.is_open:
        raise UsageError(f"server {row.id} has ended: {row.why}. Fix: `clusterkit serve --detach`")
    return row


def _until_end(session: Session, world: World, job: str) -> None:
    while True:
        time.sleep(_LOOK_EVERY_S)
        try:
            row = find_job(job, list_jobs(job_nodes(session), world.transport))
        except (
            TransportError,
            CommandFailed,
        ):  # it is looked for again; who connects meanwhile is refused
            continue
        if row.is_open:
            continue
        if row.exit_code:
            raise JobFailed(f"job {job}: {row.message}\nFix: see `clusterkit logs {job}`")
        return

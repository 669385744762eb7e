"""Reach a server that runs on, from this machine."""

from __future__ import annotations

import time
from collections.abc import Callable

from clusterkit.command import Step
from clusterkit.errors import CommandFailed, Interrupted, JobFailed, TransportError
from clusterkit.jobs import list_jobs
from clusterkit.jobs.records import find_job
from clusterkit.model.serve_options import ProxyOptions
from clusterkit.results.serve import ProxyResult
from clusterkit.transports.world import World
from clusterkit.use_cases.jobs import job_nodes
from clusterkit.use_cases.running_server import asked_of, running_row, running_steps
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
        row = running_row(session, world, options.job)
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
    return running_steps(session, options.job)


def _until_end(session: Session, world: World, job: str) -> None:
    while True:
        time.sleep(_LOOK_EVERY_S)
        try:
            row = find_job(job, list_jobs(job_nodes(session), world.transport))
        except (TransportError, CommandFailed):
            continue  # it is looked for again; who connects meanwhile is refused
        if row.is_open:
            continue
        if row.exit_code:
            raise JobFailed(f"job {job}: {row.message}\nFix: see `clusterkit logs {job}`")
        return

"""The server that runs on a cluster: found by its job, and reached from this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from clusterkit.command import Command, Step
from clusterkit.errors import ClusterkitError, ServerFailed, UsageError
from clusterkit.jobs import list_jobs
from clusterkit.jobs.records import find_job, show_command
from clusterkit.model.triton import TritonSettings
from clusterkit.transports.world import World
from clusterkit.use_cases.asked import ServeAsked
from clusterkit.use_cases.jobs import job_nodes, jobs_steps, planned_nodes
from clusterkit.use_cases.proxy import asked_of, open_server
from clusterkit.use_cases.served import from_here, tunnelled
from clusterkit.use_cases.session import Session

_END_IS_KNOWN_WITHIN_S, _PAUSE_S = 3.0, 0.2
# $1 is the folder of the jobs there; while a job runs, its ranks have a folder in it.
_LOOK = 'case $1 in "~/"*) cd "$HOME/${1#??}" ;; *) cd "$1" ;; esac && ls -d serve-*/run'


def may_serve(session: Session, world: World) -> bool:
    """Whether a server seems to run: a look so quick that every ``infer`` can afford it."""
    head = job_nodes(session)[0]
    look = Command(("sh", "-c", _LOOK, "sh", f"{head.home}/jobs"), timeout_s=10)
    try:
        return world.transport(head.name).run(look).ok
    except ClusterkitError:
        return False  # which whoever needs this node hears in a moment


def running_server(session: Session, world: World, job: str | None = None) -> ServeAsked:
    """The newest server that runs, or that of ``job``, with what it was asked to serve.

    Raises:
        UsageError: If there is none, or it is not one that answers on OpenAI's routes.
    """
    rows = list_jobs(job_nodes(session), world.transport)
    row = open_server(session, rows, job)
    server = asked_of(session, world, row)
    if isinstance(server.engine, TritonSettings):
        raise UsageError(
            f"job {row.id} is a Triton, which has no routes of OpenAI's. "
            "Fix: `clusterkit infer --engine triton --prompt …`"
        )
    return server


@contextmanager
def reached(session: Session, server: ServeAsked) -> Iterator[str]:
    """The server's URL as it works from this machine, for as long as this is open."""
    seen = from_here(session, server.served)
    if seen.via != "proxy":
        yield seen.url
        return
    with tunnelled(session, server.served) as led:
        yield led.url


def how_it_ended(session: Session, world: World, job: str) -> ServerFailed | None:
    """Why a server that broke off is gone, as soon as its end is on file; None: it is not."""
    until = time.monotonic() + _END_IS_KNOWN_WITHIN_S
    nodes = job_nodes(session)
    while True:
        row = find_job(job, list_jobs(nodes, world.transport))
        if not row.is_open:
            fix = f"`clusterkit serve --detach` starts one; see `clusterkit logs {job}`"
            return ServerFailed(f"server {job} has ended: {row.why.rstrip('.')}. Fix: {fix}")
        if time.monotonic() > until:
            return None
        time.sleep(_PAUSE_S)


def running_steps(session: Session, job: str | None) -> list[Step]:
    """What :func:`running_server` asks the head, not asked."""
    head = planned_nodes(session)[0]
    name = job or "<the last running server>"
    show = Step(head.name, f"show {name}", show_command(head, name), stage="jobs")
    return [*jobs_steps(session), show]

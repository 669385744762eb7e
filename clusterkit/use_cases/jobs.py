"""The jobs of a cluster: list them, read their logs, end them."""

from __future__ import annotations

import time
from collections.abc import Callable

from clusterkit.command import Command, Step
from clusterkit.errors import ClusterkitError, CommandFailed, TransportError, UsageError
from clusterkit.executor import on_each, raise_failures
from clusterkit.jobs import JobNode, JobRow, list_jobs, read_logs, show_job, stop_job
from clusterkit.jobs.groups import leader_of, members_of
from clusterkit.jobs.look import sweep_argv
from clusterkit.jobs.records import (
    Stopped,
    find_job,
    list_command,
    logs_command,
    show_command,
    stop_command,
)
from clusterkit.model.jobs_options import JobsOptions, LogsOptions, StopOptions
from clusterkit.results.jobs import (
    JobShown,
    JobsResult,
    ListedJob,
    LogLine,
    LogsResult,
    StopResult,
)
from clusterkit.transports.world import World
from clusterkit.use_cases.audit import audited
from clusterkit.use_cases.job_shown import as_cause, as_time, job_shown
from clusterkit.use_cases.launch import Facts, job_node, known_facts
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session, open_world


def jobs(session: Session) -> JobsResult:
    """All jobs that the head has on file, the newest first; one that died is found out."""
    with open_world(session) as world:
        rows = list_jobs(job_nodes(session), world.transport)
    return JobsResult(cluster=session.cluster.name, jobs=tuple(_listed(row) for row in rows))


def jobs_steps(session: Session) -> list[Step]:
    """What :func:`jobs` asks the head, not asked."""
    head = planned_nodes(session)[0]
    return [Step(head.name, "list the jobs on file", list_command(head), stage="jobs")]


def show(session: Session, options: JobsOptions) -> JobShown:
    """One job, the last where none is named: on file, and what its supervisor sees now.

    Raises:
        UsageError: If there is no such job, or no job at all.
    """
    with open_world(session) as world:
        nodes = job_nodes(session)
        rows = list_jobs(nodes, world.transport)
        row = find_job(options.job, rows) if options.job else _the_last(rows)
        shown = show_job(row.id, nodes[0], world.transport(nodes[0].name))
    return job_shown(session.cluster.name, shown)


def show_steps(session: Session, options: JobsOptions) -> list[Step]:
    """What :func:`show` asks the head, not asked."""
    head = planned_nodes(session)[0]
    job = options.job or "<the last job>"
    look = Step(head.name, f"show {job}", show_command(head, job), stage="jobs")
    return [*jobs_steps(session), look]


def open_jobs(session: Session, world: World) -> dict[str, str]:
    """The jobs that have not ended, and the state of each."""
    rows = list_jobs(job_nodes(session), world.transport)
    return {row.id: row.state for row in rows if row.is_open}


def running_jobs(session: Session, world: World) -> tuple[str, ...]:
    """The ids of the jobs that have not ended."""
    return tuple(open_jobs(session, world))


def stop(session: Session, options: StopOptions) -> StopResult:
    """End one job on every node, with all that it leads, and look that nothing of it is left.

    Raises:
        UsageError: If there is no such job, or none is named and not exactly one runs.
    """
    began = time.monotonic()
    with open_world(session) as world, audited(session, world, "stop", options):
        running = running_jobs(session, world)
        job = options.job or _the_running_one(running)
        nodes = job_nodes(session)
        # At once: replicas end their open requests while the router still passes them on.
        others = [each for each in members_of(job, running) if each != job]
        ends = on_each(
            [job, *others],
            lambda each: stop_job(each, nodes, world.transport, now=options.now),
        )
        raise_failures(ends)
        stopped = [end for end in ends.values() if isinstance(end, Stopped)]
    return StopResult(
        cluster=session.cluster.name,
        job=job,
        state=stopped[0].row.state,
        was_running=any(each.was_running for each in stopped),
        left=tuple(dict.fromkeys(line for each in stopped for line in each.left)),
        took_s=time.monotonic() - began,
    )


def stop_running_jobs(session: Session, world: World) -> None:
    """End every job that runs, before its nodes go; a cluster that is half there may have none."""
    try:
        nodes = job_nodes(session)
        for job in running_jobs(session, world):
            stop_job(job, nodes, world.transport)
    except (UsageError, TransportError, CommandFailed):  # or an earlier `down` got half way
        return


def stop_steps(session: Session, options: StopOptions) -> list[Step]:
    """What :func:`stop` asks the nodes, not asked."""
    nodes = planned_nodes(session)
    job = options.job or "<the running job>"
    sweeps = [
        Step(
            node.name,
            f"end what is left of {job}",
            Command(sweep_argv(node, job, is_head=node is nodes[0])),
            stage="jobs",
        )
        for node in nodes
    ]
    ask = Step(
        nodes[0].name, f"end {job}", stop_command(nodes[0], job, now=options.now), stage="jobs"
    )
    return [*jobs_steps(session), ask, *sweeps]


def logs(
    session: Session, options: LogsOptions, on_line: Callable[[LogLine], None] | None
) -> LogsResult:
    """A job's log; ``on_line`` gets each line as it comes, and the result is then empty.

    Raises:
        UsageError: If there is no such job or rank, or no job at all.
    """
    lines: list[LogLine] = []
    take = on_line or lines.append
    with open_world(session) as world:
        rows = list_jobs(job_nodes(session), world.transport)
        row = find_job(options.job, rows) if options.job else _the_last(rows)
        if options.rank is not None and options.rank >= row.ranks:
            have = "its only one is 0" if row.ranks == 1 else f"use 0 to {row.ranks - 1}"
            raise UsageError(f"job {row.id} has no rank {options.rank}. Fix: {have}")
        head = job_nodes(session)[0]
        process = read_logs(
            row.id,
            head,
            world.transport(head.name),
            lambda line: take(LogLine(rank=line.rank, stream=line.stream, text=line.text)),
            rank=options.rank,
            follow=options.follow,
        )
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.signal("TERM")
            raise
    if code:
        raise ClusterkitError(
            f"{head.name}: the log of job {row.id} cannot be read (exit {code}). "
            "Fix: see `clusterkit status`"
        )
    return LogsResult(job=row.id, lines=tuple(lines))


def logs_steps(session: Session, options: LogsOptions) -> list[Step]:
    """What :func:`logs` asks the head, not asked."""
    head = planned_nodes(session)[0]
    job = options.job or "<the last job>"
    read = logs_command(head, job, rank=options.rank, follow=options.follow)
    return [*jobs_steps(session), Step(head.name, f"read the log of {job}", read, stage="jobs")]


def job_nodes(session: Session) -> tuple[JobNode, ...]:
    """Every node as jobs see it; the head is the first."""
    return _job_nodes(session, known_facts(session))


def planned_nodes(session: Session) -> tuple[JobNode, ...]:
    """Every node as jobs will see it once it is up."""
    return _job_nodes(session, planned_facts(session.cluster))


def _job_nodes(session: Session, facts: Facts) -> tuple[JobNode, ...]:
    return tuple(
        job_node(session.cluster, node.name, facts[node.name])
        for node in session.cluster.present.nodes
    )


def _the_last(rows: tuple[JobRow, ...]) -> JobRow:
    if not rows:
        raise UsageError("no job has run yet. Fix: run one, such as `clusterkit mpi-hello`")
    return rows[0]


def _the_running_one(running: tuple[str, ...]) -> str:
    running = tuple(dict.fromkeys(leader_of(job) for job in running))
    if len(running) == 1:
        return running[0]
    what = f"{', '.join(running)} run" if running else "no job runs"
    fix = "name one" if running else "see `clusterkit jobs`"
    raise UsageError(f"{what} on this cluster. Fix: {fix}")


def _listed(row: JobRow) -> ListedJob:
    return ListedJob(
        id=row.id,
        leader=None if leader_of(row.id) == row.id else leader_of(row.id),
        verb=row.verb,
        state=row.state,
        started_at=as_time(row.started_at),
        ended_at=as_time(row.ended_at) if row.ended_at else None,
        ranks=row.ranks,
        nodes=row.nodes,
        message=row.message,
        exit_code=row.exit_code,
        cause=as_cause(row.cause),
        owner=row.owner,
    )

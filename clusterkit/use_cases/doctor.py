"""Examine a cluster before it is trusted with a job, and keep the verdict."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

from clusterkit.checks.doctor import BEFORE_JOBS, Line, examine, failures
from clusterkit.checks.doctor.seen import JobSeen, Seen
from clusterkit.errors import ClusterkitError, UsageError, reason, what_and_fix
from clusterkit.events import Note, Sink
from clusterkit.model.node_sets import select
from clusterkit.model.options import DoctorOptions
from clusterkit.results.doctor import DoctorLine, DoctorResult
from clusterkit.state.doctor import load_verdict, save_verdict
from clusterkit.state.facts import load_facts
from clusterkit.transports.world import World
from clusterkit.use_cases.contact import known_or_met
from clusterkit.use_cases.doctor_jobs import nccl_job, nccl_missing, ring_job, see
from clusterkit.use_cases.doctor_logins import with_logins
from clusterkit.use_cases.doctor_look import Looked, container_hosts, image_digests, look_at_all
from clusterkit.use_cases.doctor_reach import reach_all
from clusterkit.use_cases.launch import known_facts
from clusterkit.use_cases.session import Session, open_world
from clusterkit.use_cases.storage_proof import not_sharing


def doctor(session: Session, options: DoctorOptions, *, sink: Sink) -> DoctorResult:
    """Look at every node, let them reach one another, run a ring, and judge all of it.

    A node that does not answer is a line of the result; the others are examined all the same.
    The verdict is kept: after a failing one with ``gate``, jobs are refused until one passes.
    """
    began = time.monotonic()
    with open_world(session) as world:
        session = known_or_met(session, world, sink)
        names = select(session.cluster, options.nodes)
        seen = look(session, names, world)
        seen = run_jobs(session, seen, world, sink)
    result = judged(seen, gate=options.gate, took_s=time.monotonic() - began)
    keep(session, result)
    return result


def look(session: Session, names: tuple[str, ...], world: World) -> Seen:
    """Everything that can be seen without a job."""
    cluster = session.cluster
    answers = look_at_all(cluster, names, world)
    looked = {name: its for name, its in answers.items() if isinstance(its, Looked)}
    seen = Seen(
        cluster,
        tuple(cluster.node(name) for name in names),
        silent={
            name: reason(name, its)
            for name, its in answers.items()
            if isinstance(its, ClusterkitError)
        },
        facts={name: its.facts for name, its in looked.items()},
        machines={name: its.machine for name, its in looked.items()},
        clocks={name: its.clock for name, its in looked.items() if its.clock},
        hosts=container_hosts(cluster, names, world),
        images=image_digests(cluster, names, world),
        storage_free_bytes={
            name: its.storage_free_bytes
            for name, its in looked.items()
            if its.storage_free_bytes is not None
        },
    )
    answering = seen.answering
    if len(answering) > 1 and cluster.subnet is not None:
        reach = reach_all(answering, seen.facts, world)
        if load_facts(session.folder) is not None:  # before `up` the head has no key
            reach = with_logins(cluster, reach, world)
        seen = replace(seen, reach=reach)
    if cluster.storage.is_shared and cluster.head.name not in seen.silent:
        shared = not_sharing(cluster, world, [node.name for node in answering])
        seen = replace(seen, not_shared=shared)
    return seen


def run_jobs(session: Session, seen: Seen, world: World, sink: Sink) -> Seen:
    """The ring and the all-reduce, where they can come to an end."""
    if why := job_refusal(session, seen):
        return replace(seen, ring=JobSeen(skipped=why), nccl=JobSeen(skipped=why))
    names = seen.names
    ring = see(ring_job(session, names, seen.facts), world, sink)
    missing = nccl_missing(session.cluster, names, seen.facts)
    if missing is None and ring.error is not None:
        missing = "the ring failed"
    nccl = JobSeen(skipped=missing)
    if missing is None:
        sink(Note("NCCL joins all GPUs; the first time this takes a while"))
        nccl = see(nccl_job(session, names, seen.facts), world, sink)
    return replace(seen, ring=ring, nccl=nccl)


def job_refusal(session: Session, seen: Seen) -> str | None:
    """Why no job can run now, or None."""
    if why := why_not_up(session):
        return why
    if session.cluster.head.name in seen.silent or session.cluster.head.name not in seen.facts:
        return f"the head, {session.cluster.head.name}, was not examined"
    failed = failures(examine(seen, BEFORE_JOBS))
    if failed:
        what = ", ".join(dict.fromkeys(line.looks_at for line in failed))
        return f"not run, as this failed: {what}"
    return None


def why_not_up(session: Session) -> str | None:
    """Why no job can be started: the last ``up`` must have come to its end, by this version."""
    try:
        known_facts(session)
    except UsageError as error:
        what, _ = what_and_fix(str(error))
        return what.rstrip(".").replace(f"cluster {session.cluster.name} ", "the cluster ", 1)
    return None


def judged(seen: Seen, *, gate: bool, took_s: float) -> DoctorResult:
    """The verdict, typed for people and programs."""
    lines = examine(seen)
    return DoctorResult(
        cluster=seen.cluster.name,
        ok=not failures(lines),
        nodes=seen.names,
        lines=tuple(_row(line) for line in lines),
        gated=gate,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        took_s=took_s,
    )


def keep(session: Session, result: DoctorResult) -> None:
    """Keep the verdict; a closed gate is opened only by a pass of at least the same nodes."""
    before = load_verdict(session.folder)
    if before is not None and before.gated and not before.ok:
        opens = result.ok and set(before.nodes) <= set(result.nodes)
        stays_closed = result.gated and not result.ok
        if not opens and not stays_closed:
            return
    if session.folder.exists():  # `doctor` may look before the first `up`
        save_verdict(session.folder, result)


def _row(line: Line) -> DoctorLine:
    found = line.finding
    return DoctorLine(
        check=line.check,
        looks_at=line.looks_at,
        state=found.state,
        nodes=found.nodes,
        seen=found.seen,
        fix=found.fix,
    )

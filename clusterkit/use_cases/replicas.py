"""Several servers of one model behind a router: their places, their jobs, and how they end."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import replace

from clusterkit.checks.fit import package_problems
from clusterkit.checks.replicas import shares
from clusterkit.engines.router import PACKAGES, Behind, router_program
from clusterkit.engines.serving import Listening
from clusterkit.errors import DoesNotFit
from clusterkit.jobs import Job, new_job_id
from clusterkit.jobs.groups import member_id
from clusterkit.model.models import ModelShape
from clusterkit.model.serve_options import ServeOptions
from clusterkit.placement import Placement, Rank, place_replicas
from clusterkit.use_cases.launch import Facts, make_job
from clusterkit.use_cases.serve_group import Group
from clusterkit.use_cases.serve_wish import grace_s, serving, wished_limits
from clusterkit.use_cases.session import Session

REPLICA_VERB = "serve-replica"


def places(session: Session, options: ServeOptions) -> tuple[Placement, ...]:
    """Where the ranks of each replica are.

    Raises:
        DoesNotFit: If there are too few slots.
    """
    settings = session.cluster.engine
    return place_replicas(session.cluster, options.replicas, tp=settings.tp, pp=settings.pp)


def check_replicas(
    session: Session, options: ServeOptions, shape: ModelShape | None, facts: Facts
) -> tuple[str, ...]:
    """What to warn of.

    Raises:
        DoesNotFit: With everything that would only fail later.
    """
    engine, head = serving(session, options), session.cluster.head.name
    problems = list(package_problems({head: facts[head]}, PACKAGES)) if head in facts else []
    warnings: list[str] = []
    for cluster, seen in shares(session.cluster, facts, places(session, options)):
        try:
            warnings += engine.check_serve(shape, cluster, seen)
        except DoesNotFit as error:
            problems += str(error).splitlines()
    if problems:
        raise DoesNotFit("\n".join(dict.fromkeys(problems)))
    return tuple(dict.fromkeys(warnings))


def replica_group(
    session: Session, options: ServeOptions, where: Listening, *, folder: str, facts: Facts
) -> Group:
    """The jobs, ready to be run. The key that the replicas ask for is made anew for each group."""
    cluster, settings = session.cluster, session.cluster.engine
    key = secrets.token_urlsafe(32)
    engine = serving(session, options, keys=(hashlib.sha256(key.encode()).hexdigest(),))
    leader = new_job_id("serve", time.time(), secrets.token_bytes(8))
    jobs: list[Job] = []
    behind: list[Behind] = []
    for number, placement in enumerate(places(session, options)):
        host = cluster.node(placement.nodes[0]).address or "127.0.0.1"
        there = Listening(host, 0, host, where.addresses)
        made = make_job(
            session,
            REPLICA_VERB,
            placement=placement,
            program=lambda python, payloads, placed=placement, at=there: engine.serve(  # type: ignore[misc]
                python, payloads, folder, placed, at
            ),
            facts=facts,
            timeout_s=options.timeout_s,
            job=member_id(leader, number),
        )
        jobs.append(made)
        behind.append(Behind(str(number), made.head.folder(made.id), host))
    router = make_job(
        session,
        "serve",
        placement=Placement((Rank(0, cluster.head.name, 0),)),
        program=lambda python, payloads: router_program(
            python, payloads, settings, wished_limits(options), where, behind, key=key
        ),
        facts=facts,
        timeout_s=options.timeout_s,
        job=leader,
    )
    end_s, again = grace_s(session, options), options.restart
    return Group(
        replace(router, grace_s=end_s + 1.0, restarts=again),
        tuple(replace(job, grace_s=end_s, restarts=again) for job in jobs),
    )

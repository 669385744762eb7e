"""Prove that the machines are one MPI cluster, with every rank in its place."""

from __future__ import annotations

import time
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from clusterkit.command import Step
from clusterkit.events import Event, RankAnswer, Sink
from clusterkit.facts import NodeFacts
from clusterkit.jobs import Job
from clusterkit.model.cluster import Cluster
from clusterkit.model.job import RankProgram
from clusterkit.model.run_options import HelloOptions
from clusterkit.placement import Placement, Rank, place
from clusterkit.results.hello import HelloRank, HelloResult, HelloWay
from clusterkit.use_cases.launch import Facts, job_steps, known_facts, make_job, run
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session, open_world

Answers = Mapping[int, Mapping[str, Any]]


def mpi_hello(session: Session, options: HelloOptions, *, sink: Sink) -> HelloResult:
    """Start a rank in every slot, and compare what each reports with where it was placed.

    Raises:
        UsageError: If the cluster is not up, or has fewer slots than asked for.
        JobFailed: If the job did not come to its end.
    """
    began = time.monotonic()
    facts = known_facts(session)
    job = hello_job(session, options, facts)
    answers: dict[int, Mapping[str, Any]] = {}

    def listen(event: Event) -> None:
        if isinstance(event, RankAnswer):
            answers[event.rank] = event.data
        sink(event)

    with open_world(session) as world:
        run(job, world, listen)
    took_s = time.monotonic() - began
    return compared(session.cluster, job.placement, answers=answers, facts=facts, took_s=took_s)


def mpi_hello_steps(session: Session, options: HelloOptions) -> list[Step]:
    """The steps of :func:`mpi_hello`, not run."""
    return job_steps(hello_job(session, options, planned_facts(session.cluster)))


def hello_job(session: Session, options: HelloOptions, facts: Facts) -> Job:
    """One rank in each slot, as many as asked for."""
    return make_job(
        session,
        "mpi-hello",
        placement=place(session.cluster, options.ranks),
        program=lambda python, payloads: RankProgram((python, payloads, "mpi_hello")),
        facts=facts,
        timeout_s=options.timeout_s,
    )


def compared(
    cluster: Cluster, placement: Placement, *, answers: Answers, facts: Facts, took_s: float
) -> HelloResult:
    """Each rank's report beside its placement; a rank that is missing or elsewhere is named."""
    rows = tuple(_row(rank, answers.get(rank.rank), cluster, facts) for rank in placement.ranks)
    versions = sorted({str(answer["mpi_version"]) for answer in answers.values()})
    problems = [f"rank {row.rank}: {row.why}" for row in rows if not row.ok]
    if len(versions) > 1:
        problems.append(f"ranks have different versions of MPI: {', '.join(versions)}")
    return HelloResult(
        cluster=cluster.name,
        ok=not problems,
        mpi_version=versions[0] if len(versions) == 1 else None,
        ranks=rows,
        problems=tuple(problems),
        took_s=took_s,
    )


def _row(
    rank: Rank,
    answer: Mapping[str, Any] | None,
    cluster: Cluster,
    facts: Mapping[str, NodeFacts],
) -> HelloRank:
    if answer is None:
        silent = f"it did not report; it should run on {rank.node}"
        return HelloRank(rank=rank.rank, planned_node=rank.node, ok=False, why=silent)
    hostnames = {node.hostname: name for name, node in facts.items()}
    node = hostnames.get(answer["hostname"], answer["hostname"])
    why = _difference(rank, answer, node, facts) or _detour(rank, answer, cluster)
    return HelloRank(
        rank=rank.rank,
        planned_node=rank.node,
        node=node,
        hostname=answer["hostname"],
        pid=answer["pid"],
        local_rank=answer["local_rank"],
        device=_device(answer),
        ways=tuple(HelloWay(**way) for way in answer["ways"]),
        memlock_bytes=answer["memlock_bytes"],
        ok=why is None,
        why=why,
    )


def _difference(
    rank: Rank, answer: Mapping[str, Any], node: str, facts: Mapping[str, NodeFacts]
) -> str | None:
    """What a rank, which runs on ``node``, says otherwise than the placement, or None."""
    planned = facts[rank.node]
    if answer["hostname"] != planned.hostname:
        return f"it runs on {node}, not on {rank.node}"
    if answer["local_rank"] != rank.local_rank:
        return f"its local rank is {answer['local_rank']}, not {rank.local_rank}"
    if not answer["sum_is_right"]:
        return "its messages to the other ranks came to a wrong sum"
    uuids = {gpu.index: gpu.uuid for gpu in planned.gpus}
    if rank.device is not None and uuids.get(rank.device) != _uuid(answer):
        return f"its device is {_device(answer)}, not GPU {rank.device} of {rank.node}"
    return None


def _detour(rank: Rank, answer: Mapping[str, Any], cluster: Cluster) -> str | None:
    """That a rank's messages go by another way than the cluster network; None: they do not.

    Where the user pinned Open MPI to something else, that is the plan.
    """
    address, subnet = cluster.node(rank.node).address, cluster.subnet
    if subnet is None or answer["if_include"] not in (None, subnet):
        return None
    wrong = [
        f"{way['interface']} ({way['address']})"
        for way in answer["ways"]
        if way["address"] != address
        and (address is not None or ip_address(way["address"]) not in ip_network(subnet))
    ]
    if not wrong:
        return None
    planned = address or f"an address in {subnet}"
    return f"its messages go through {', '.join(wrong)}, not through {planned} of {rank.node}"


def _uuid(answer: Mapping[str, Any]) -> str | None:
    device = answer["device"]
    return None if isinstance(device, str) else device["uuid"]


def _device(answer: Mapping[str, Any]) -> str:
    """``cpu``, or the GPU by index and UUID."""
    device = answer["device"]
    return device if isinstance(device, str) else f"GPU {device['index']} {device['uuid']}"

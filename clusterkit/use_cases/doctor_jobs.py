"""The doctor's own jobs: a token around all ranks, and a sum of all GPUs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clusterkit.checks.doctor.seen import JobSeen
from clusterkit.errors import JobFailed, what_and_fix
from clusterkit.events import Event, RankAnswer, Sink
from clusterkit.jobs import Job
from clusterkit.model.cluster import Cluster
from clusterkit.model.job import RankProgram
from clusterkit.placement import Placement, Rank, place
from clusterkit.tasks.base import Facts
from clusterkit.transports.world import World
from clusterkit.use_cases.launch import make_job, run
from clusterkit.use_cases.session import Session

_RING_S = 60.0
_NCCL_S = 180.0


def ring_job(session: Session, names: Sequence[str], facts: Facts) -> Job:
    """One rank in every slot of the nodes, each passing the token on to the next."""
    ranks = (rank for rank in place(session.cluster).ranks if rank.node in names)
    return _job(session, "mpi_ring", _numbered(ranks), facts, _RING_S)


def nccl_job(session: Session, names: Sequence[str], facts: Facts) -> Job:
    """One rank for every GPU of the nodes."""
    return _job(session, "nccl_allreduce", _on_gpus(session.cluster, names), facts, _NCCL_S)


def nccl_missing(cluster: Cluster, names: Sequence[str], facts: Facts) -> str | None:
    """Why there can be no all-reduce, or None."""
    with_gpus = [node.name for node in cluster.nodes if node.gpus and node.name in names]
    if not with_gpus:
        return "no GPU is used"
    without = [name for name in with_gpus if "torch" not in facts[name].packages]
    return f"no torch on {', '.join(without)}, which calls NCCL" if without else None


def see(job: Job, world: World, sink: Sink) -> JobSeen:
    """Run a job; that it fails is an answer."""
    answers: dict[int, Mapping[str, Any]] = {}

    def listen(event: Event) -> None:
        if isinstance(event, RankAnswer):
            answers[event.rank] = event.data
        sink(event)

    ranks = job.placement.world_size
    try:
        run(job, world, listen)
    except JobFailed as error:
        if error.exit_code == _INTERRUPTED:
            raise
        return JobSeen(ranks, error=" ".join(what_and_fix(str(error))[0].split()))
    return JobSeen(ranks, tuple(answers[rank] for rank in sorted(answers)))


_INTERRUPTED = 130


def _job(
    session: Session, payload: str, placement: Placement, facts: Facts, timeout_s: float
) -> Job:
    return make_job(
        session,
        "doctor",
        placement=placement,
        program=lambda python, payloads: RankProgram((python, payloads, payload)),
        facts=facts,
        timeout_s=timeout_s,
    )


def _numbered(ranks: Iterable[Rank]) -> Placement:
    return Placement(
        tuple(
            Rank(number, rank.node, rank.local_rank, rank.device)
            for number, rank in enumerate(ranks)
        )
    )


def _on_gpus(cluster: Cluster, names: Sequence[str]) -> Placement:
    return _numbered(
        Rank(0, node.name, local_rank, device)
        for node in cluster.nodes
        if node.name in names
        for local_rank, device in enumerate(node.devices)
    )

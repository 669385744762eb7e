"""What the doctor asks and runs, for ``--dry-run``: in its order, and not run."""

from __future__ import annotations

from collections.abc import Sequence

from clusterkit.checks.same_storage import StorageProof
from clusterkit.command import Step
from clusterkit.model.cluster import Cluster
from clusterkit.model.node_sets import select
from clusterkit.model.options import DoctorOptions
from clusterkit.tasks.head_login import try_logins
from clusterkit.use_cases.doctor_jobs import nccl_job, ring_job
from clusterkit.use_cases.doctor_look import looks
from clusterkit.use_cases.doctor_reach import reach_command
from clusterkit.use_cases.launch import job_steps
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session

_LOOKS = ("look at the node", "look at the machine", "look at the storage", "read the clock")
_NONCE = "<new each time>"


def doctor_steps(session: Session, options: DoctorOptions) -> list[Step]:
    """The looks of every node, the connections, the proof of the storage, and the jobs."""
    cluster = session.cluster
    names = select(cluster, options.nodes)
    facts = planned_facts(cluster)
    steps = [
        Step(name, summary, command, stage="look")
        for name in names
        for summary, command in zip(
            _LOOKS, looks(cluster.node(name), cluster.storage.path), strict=True
        )
    ]
    if len(names) > 1 and cluster.subnet is not None:
        steps += [
            Step(
                name,
                "listen, and connect to all others",
                reach_command(cluster.node(name), facts[name].python, _NONCE),
                stage="reach",
            )
            for name in names
        ]
        steps += _logins(cluster, names)
    if cluster.storage.is_shared:
        steps += _proof(cluster, names)
    steps += job_steps(ring_job(session, names, facts))
    if any(cluster.node(name).gpus for name in names):
        steps += job_steps(nccl_job(session, names, facts))
    return steps


def _logins(cluster: Cluster, names: Sequence[str]) -> list[Step]:
    head = cluster.head.name
    others = [name for name in names if name != head]
    if head not in names:
        return []
    return [Step(head, "log in to all others", try_logins(cluster, others), stage="reach")]


def _proof(cluster: Cluster, names: Sequence[str]) -> list[Step]:
    head = cluster.head.name
    others = tuple(name for name in names if name != head)
    proof = StorageProof(cluster.storage.path, head, others, _NONCE)
    rounds = (
        ("write a nonce", proof.write),
        ("read what others wrote", proof.read),
        ("remove the nonce", proof.remove),
    )
    return [
        Step(name, summary, command(name), stage="storage")
        for summary, command in rounds
        for name in (head, *others)
    ]

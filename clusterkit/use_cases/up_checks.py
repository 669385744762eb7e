"""What ``up`` proves at its end of machines that it did not make: they are one cluster."""

from __future__ import annotations

from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError, NodesFailed
from clusterkit.executor import on_each
from clusterkit.facts import MachineFacts
from clusterkit.model.cluster import Cluster
from clusterkit.tasks.base import Facts
from clusterkit.transports.world import World

_CHECKS = ("architecture", "mpi-version", "storage")


def check_machines(cluster: Cluster, world: World, facts: Facts) -> None:
    """One architecture, one Open MPI, and storage that is one: four short round trips.

    Containers on one Docker host share all of that by the way they are made: they are asked
    nothing. What takes longer is the doctor's.

    Raises:
        NodesFailed: With every node that does not fit the others.
    """
    if len(cluster.nodes) < 2 or not any(node.machine for node in cluster.nodes):
        return
    from clusterkit.checks.doctor import examine, failures
    from clusterkit.checks.doctor.seen import Seen
    from clusterkit.use_cases.storage_proof import not_sharing

    names = [node.name for node in cluster.nodes]
    seen = Seen(
        cluster,
        cluster.nodes,
        facts=facts,
        machines=_architectures(names, world),
        not_shared=not_sharing(cluster, world) if cluster.storage.is_shared else None,
    )
    failed: dict[str, list[str]] = {}
    for line in failures(examine(seen, _CHECKS)):
        for node in line.finding.nodes:
            what = f"{node}: {line.looks_at}: {line.finding.seen}. Fix: {line.finding.fix}"
            failed.setdefault(node, []).append(what)
    if failed:
        errors = {node: ClusterkitError("\n".join(lines)) for node, lines in failed.items()}
        raise NodesFailed(errors, succeeded=len(names) - len(failed))


def _architectures(names: list[str], world: World) -> dict[str, MachineFacts]:
    answers = on_each(names, lambda name: world.perform(name, Command(("uname", "-m"))))
    return {
        name: MachineFacts(hostname=name, architecture=answer.stdout.strip())
        for name, answer in answers.items()
        if isinstance(answer, Result) and answer.ok
    }

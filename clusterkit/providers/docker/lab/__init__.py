"""Faults of a lab. A fault is a state like any other: looked for, made, and looked for again."""

from __future__ import annotations

from collections.abc import Iterable

from clusterkit.model.cluster import Cluster
from clusterkit.model.fault import Fault
from clusterkit.providers.docker.lab.inside import NOT_HERE, Inside, OfRank
from clusterkit.providers.docker.lab.power import KINDS, Power, power_faults
from clusterkit.tasks.base import Stage, Task

__all__ = ["KINDS", "NOT_HERE", "fault_stage", "heal_stage", "power_faults"]


def fault_stage(cluster: Cluster, faults: Iterable[Fault]) -> Stage:
    """What makes faults."""
    return Stage("fault", tuple(_task(cluster, fault, undone=False) for fault in faults))


def heal_stage(cluster: Cluster, faults: Iterable[Fault]) -> Stage:
    """What undoes faults that were seen."""
    return Stage("heal", tuple(_task(cluster, fault, undone=True) for fault in faults))


def _task(cluster: Cluster, fault: Fault, *, undone: bool) -> Task:
    if fault.kind in KINDS:
        return Power(cluster, fault, undone)
    if fault.kind in ("kill-rank", "hang-rank"):
        return OfRank(cluster, fault, undone)
    return Inside(cluster, fault, undone)

"""Is it the same processor architecture everywhere? MPI and engines expect it."""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, same
from clusterkit.checks.doctor.seen import Seen

LOOKS_AT = "architecture"
_FIX = "take the nodes of one architecture for one cluster"


def find(seen: Seen) -> list[Finding]:
    """As ``uname -m`` prints it."""
    told = {name: its.architecture for name, its in seen.machines.items() if its.architecture}
    return same(told, LOOKS_AT, fix=_FIX)

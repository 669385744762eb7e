"""Is there room on the disks: the storage for models, the home folder for jobs, /tmp for MPI?"""

from __future__ import annotations

from dataclasses import replace

from clusterkit.checks.doctor.finding import Finding, State, measured
from clusterkit.checks.doctor.seen import Seen
from clusterkit.quantities import size

LOOKS_AT = "free disk"
_WARN_BELOW_BYTES = 5 << 30
_FAIL_BELOW_BYTES = 256 << 20
_FIX = "free some, or take a larger disk; `clusterkit models rm` frees models of the cache here"


def find(seen: Seen) -> list[Finding]:
    """The fullest of a node's disks counts."""
    free = {node.name: its for node in seen.answering if (its := _free(seen, node.name))}
    if not free:
        return [Finding("skip", seen.names, "no node answers")]
    fullest = {name: min(its, key=its.__getitem__) for name, its in free.items()}
    found: list[Finding] = []
    for path in dict.fromkeys(fullest.values()):
        here = {name: float(free[name][path]) for name in free if fullest[name] == path}
        measured_here = measured(here, _state, lambda count: size(int(count)), fix=_FIX)
        found += [replace(each, seen=f"{each.seen} at {path}") for each in measured_here]
    return found


def _free(seen: Seen, name: str) -> dict[str, int]:
    machine = seen.machines.get(name)
    found = {disk.path: disk.free_bytes for disk in machine.disks} if machine else {}
    if name in seen.storage_free_bytes:
        found[seen.cluster.storage.path] = seen.storage_free_bytes[name]
    return found


def _state(name: str, free: float) -> State:
    del name
    if free < _FAIL_BELOW_BYTES:
        return "fail"
    return "warn" if free < _WARN_BELOW_BYTES else "pass"

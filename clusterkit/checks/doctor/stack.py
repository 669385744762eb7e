"""Is the stack large enough for compiled engines? Linux gives 8 MiB, and some images less."""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, State, measured
from clusterkit.checks.doctor.seen import Seen
from clusterkit.quantities import size

LOOKS_AT = "stack"
_LEAST_BYTES = 8 << 20
_FIX = (
    "set `container: {ulimits: {stack: 67108864}}` in the inventory; on a machine add "
    "`* - stack 65536` to /etc/security/limits.conf and log in again"
)


def find(seen: Seen) -> list[Finding]:
    """Less than Linux gives by default is a warning."""
    if not seen.machines:
        return [Finding("skip", seen.names, "no node answers")]
    limits = {
        name: float("inf") if its.stack_bytes is None else float(its.stack_bytes)
        for name, its in seen.machines.items()
    }
    return measured(limits, _state, _text, fix=_FIX)


def _state(name: str, found: float) -> State:
    del name
    return "pass" if found >= _LEAST_BYTES else "warn"


def _text(found: float) -> str:
    return "unlimited" if found == float("inf") else size(int(found))

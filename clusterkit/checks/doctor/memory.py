"""Is there memory for the ranks? Whether a model fits, `infer` works out by itself."""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, State, measured
from clusterkit.checks.doctor.seen import Seen
from clusterkit.quantities import size

LOOKS_AT = "free memory"
_WARN_BELOW_BYTES = 512 << 20
_FAIL_BELOW_BYTES = 128 << 20
_FIX = "end what fills it (`clusterkit exec NODE -- ps aux --sort -rss`), or give it fewer slots"


def find(seen: Seen) -> list[Finding]:
    """What is available to a rank, for each slot of the node."""
    slots = {node.name: max(1, node.slots) for node in seen.answering}
    free = {
        name: float(facts.memory_available_bytes)
        for name, facts in seen.facts.items()
        if name in slots
    }

    def state_of(name: str, found: float) -> State:
        each = found / slots[name]
        if each < _FAIL_BELOW_BYTES:
            return "fail"
        return "warn" if each < _WARN_BELOW_BYTES else "pass"

    found = measured(free, state_of, lambda count: size(int(count)), fix=_FIX)
    return found or [Finding("skip", seen.names, "no node answers")]

"""Can a program of a node listen on a free port of its address on the cluster network?"""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, by_text
from clusterkit.checks.doctor.seen import Seen

LOOKS_AT = "free port on the cluster network"
_FIX = "correct `address` of the node in the inventory: it must be one of its own"


def find(seen: Seen) -> list[Finding]:
    """Whether others get through to it is a matter of ``pairs``."""
    if not seen.reach:
        return [Finding("skip", seen.names, "only one node")]
    refused = {name: its.no_port for name, its in seen.reach.items() if its.no_port}
    found = by_text("fail", refused, fix=_FIX)
    well = tuple(name for name, its in seen.reach.items() if not its.no_port and not its.error)
    return [*found, *([Finding("pass", well, "listens")] if well else [])]

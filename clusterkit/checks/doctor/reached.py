"""Does every node answer the controlling machine?"""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, by_text
from clusterkit.checks.doctor.seen import Seen

LOOKS_AT = "login from here"
_FIX = "look at the machine, its sshd and the way there; `clusterkit up INVENTORY` mends a node"


def find(seen: Seen) -> list[Finding]:
    """A node that does not answer is told first: nothing else is known of it."""
    found = by_text("fail", seen.silent, fix=_FIX)
    if answering := tuple(node.name for node in seen.answering):
        found.append(Finding("pass", answering, "answers"))
    return found

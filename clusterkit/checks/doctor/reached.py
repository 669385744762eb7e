"""Does every node answer the controlling machine?"""

from __future__ import annotations

from dataclasses import replace

from clusterkit.checks.doctor.finding import Finding, by_text
from clusterkit.checks.doctor.seen import Seen
from clusterkit.errors import what_and_fix

LOOKS_AT = "login from here"
_FIX = "look at the machine, its sshd and the way there; `clusterkit up INVENTORY` mends a node"


def find(seen: Seen) -> list[Finding]:
    """A node that does not answer is told first: nothing else is known of it."""
    found = [
        replace(each, seen=what.rstrip("."), fix=fix or _FIX)
        for each in by_text("fail", seen.silent)
        for what, fix in (what_and_fix(each.seen),)
    ]
    if answering := tuple(node.name for node in seen.answering):
        found.append(Finding("pass", answering, "answers"))
    return found

"""Can the head log in to every other node, with the key that lies on it and pinned host keys?"""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, by_text
from clusterkit.checks.doctor.seen import Seen

LOOKS_AT = "ssh login from the head"
_FIX = "run `clusterkit up INVENTORY`: it puts the keys and known_hosts where they belong"


def find(seen: Seen) -> list[Finding]:
    """Only the head has a key; a node whose sshd it cannot reach is a matter of ``pairs``."""
    head = seen.cluster.head.name
    others = tuple(name for name in seen.names if name != head)
    if not others:
        return [Finding("skip", seen.names, "no node but the head")]
    reach = seen.reach.get(head)
    if reach is None or not reach.logins:
        why = f"{head} was not asked" if reach is None else "sshd of no other node was reached"
        return [Finding("skip", others, why)]
    failed = {
        login.to: f"{head} -> {login.to}: {login.refused}"
        for login in reach.logins
        if login.refused is not None
    }
    found = by_text("fail", failed, fix=_FIX)
    if well := tuple(login.to for login in reach.logins if login.refused is None):
        found.append(Finding("pass", well, f"{head} logs in"))
    return found

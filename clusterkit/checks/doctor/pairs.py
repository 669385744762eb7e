"""Can every node open connections to every other, over the cluster network, in both directions?

Each node listens on a free port and connects to the ports of all others, and to their sshd. MPI
and NCCL use free ports; mpirun's daemons may use sshd. A firewall often lets through one
direction only, or port 22 only, and then a job hangs: so each direction is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from clusterkit.checks.doctor.finding import Finding
from clusterkit.checks.doctor.seen import Blocked, Seen, Service
from clusterkit.model.node_sets import fold

LOOKS_AT = "TCP between all pairs"
_FIX = {
    "listener": "let all TCP ports pass from {source} to {target} on the cluster network",
    "sshd": "let the port of sshd pass from {source} to {target} on the cluster network",
}
_WHAT = {"listener": "free ports of", "sshd": "sshd of"}


def find(seen: Seen) -> list[Finding]:
    """One line for each direction that is blocked, with the nodes on both sides."""
    if len(seen.nodes) < 2:
        return [Finding("skip", seen.names, "only one node")]
    if not seen.reach:
        return [Finding("skip", seen.names, "no two nodes answer")]
    found = [
        Finding("fail", (node,), f"could not try: {reach.error}", "run `clusterkit doctor` again")
        for node, reach in seen.reach.items()
        if reach.error
    ]
    for source, blocked in _by_source(seen):
        found += [_line(source, *group, seen=seen) for group in _groups(blocked)]
    if not found:
        tried = sum(reach.tried for reach in seen.reach.values())
        found = [Finding("pass", tuple(seen.reach), f"{tried} connections, both ways")]
    return found


def _by_source(seen: Seen) -> Iterable[tuple[str, tuple[Blocked, ...]]]:
    return ((node, reach.blocked) for node, reach in seen.reach.items() if reach.blocked)


def _groups(blocked: Iterable[Blocked]) -> list[tuple[tuple[Service, ...], str, list[str]]]:
    """The services that are blocked alike, why, and at which nodes."""
    services: dict[str, dict[Service, str]] = defaultdict(dict)
    for each in blocked:
        services[each.to][each.service] = each.why
    groups: dict[tuple[tuple[Service, ...], str], list[str]] = defaultdict(list)
    for target, whys in services.items():
        groups[tuple(sorted(whys)), next(iter(whys.values()))].append(target)
    return [(kinds, why, targets) for (kinds, why), targets in groups.items()]


def _line(
    source: str, services: tuple[Service, ...], why: str, targets: list[str], *, seen: Seen
) -> Finding:
    to = fold(targets)
    what = " and ".join(_WHAT[service] for service in services)
    back = "" if _is_blocked_back(source, targets, seen) else f"; {to} -> {source} works"
    fix = _FIX["listener" if "listener" in services else "sshd"]
    return Finding(
        "fail",
        (source, *targets),
        f"{source} -> {to}: {what} {to}: {why}{back}",
        fix.format(source=source, target=to),
    )


def _is_blocked_back(source: str, targets: list[str], seen: Seen) -> bool:
    """Whether any of the targets cannot reach ``source`` either, or did not try."""
    return any(
        target not in seen.reach
        or bool(seen.reach[target].error)
        or any(each.to == source for each in seen.reach[target].blocked)
        for target in targets
    )

"""Let the head try to log in to the other nodes, as a job will."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from clusterkit.checks.doctor.seen import Login, Reach
from clusterkit.errors import ClusterkitError, reason, what_and_fix
from clusterkit.model.cluster import Cluster
from clusterkit.tasks.head_login import refusals, try_logins
from clusterkit.transports.world import World


def with_logins(cluster: Cluster, reach: Mapping[str, Reach], world: World) -> Mapping[str, Reach]:
    """Let the head log in to the nodes whose sshd it reached; elsewhere it could only fail."""
    head = cluster.head.name
    if head not in reach or reach[head].error:
        return reach
    without_sshd = {each.to for each in reach[head].blocked if each.service == "sshd"}
    others = [name for name in reach if name != head and name not in without_sshd]
    try:
        refused = refusals(world.perform(head, try_logins(cluster, others))) if others else {}
    except ClusterkitError as error:
        refused = dict.fromkeys(others, what_and_fix(reason(head, error))[0])
    logins = tuple(Login(name, _last_words(refused.get(name))) for name in others)
    return {**reach, head: replace(reach[head], logins=logins)}


def _last_words(said: str | None) -> str | None:
    """Of several lines, the last one tells why."""
    if said is None:
        return None
    return said.strip("; ").rpartition(";")[2].strip() or "no answer"

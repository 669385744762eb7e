"""Replace the head's key pair on machines: the only pair there that is ours.

The order is that of containers: the new line in authorized_keys beside the old one, a login with
the new key, then the switch; the old line goes, the old key is tried and refused, and forgotten.
"""

from __future__ import annotations

from clusterkit.command import Put
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.rotation import Rotation
from clusterkit.model.trust import HEAD, Trust
from clusterkit.providers.docker.rekey import rekey as docker_rekey
from clusterkit.providers.ssh.authorized_key import AuthorizedKey
from clusterkit.tasks.base import Stage, Task
from clusterkit.tasks.files import Files
from clusterkit.tasks.logins import Answer, Logins, Target


def rekey(cluster: Cluster, trust: Trust, rotation: Rotation) -> tuple[Stage, ...]:
    """What one phase of a rotation does to the machines, and the looks that prove it."""
    if cluster.head.container is not None:
        return docker_rekey(cluster, trust, rotation)
    known = _let_in(cluster, trust)
    works = _logins(cluster, "", "the head key", "lets it in")
    match rotation.phase:
        case "beside":
            new = Put(_key(cluster, ".new"), rotation.new[HEAD].private, 0o600)
            tried = _logins(cluster, ".new", "the new head key", "lets it in")
            return (
                Stage("beside", (*known, Files(cluster.head.name, (new,)))),
                Stage("proof", (tried,)),
            )
        case "switched":
            old = Put(_key(cluster, ".old"), rotation.old[HEAD].private, 0o600)
            now = Put(_key(cluster), trust.head.private, 0o600)
            use = Files(cluster.head.name, (old, now), absent=(_key(cluster, ".new"),))
            return (Stage("switch", (*known, use)), Stage("proof", (works,)))
        case "withdrawn":
            refused = _logins(cluster, ".old", "the old head key", "refuses it")
            forget = tuple(_forgotten(cluster, node) for node in cluster.nodes)
            return (
                Stage("withdraw", known),
                Stage("refusal", (works, refused)),
                Stage("forget", forget),
            )


def _let_in(cluster: Cluster, trust: Trust) -> tuple[Task, ...]:
    """Our lines in authorized_keys: the key in use, and those that count beside it."""
    beside = trust.beside.get(HEAD, ())
    return tuple(
        AuthorizedKey(node.name, cluster.name, trust.head.public, beside)
        for node in cluster.nodes[1:]
    )


def _logins(cluster: Cluster, ending: str, what: str, expected: Answer) -> Logins:
    """The head, with one key, at every other node, as a job goes."""
    home = cluster.home_of(cluster.head.name)
    targets = tuple(_target(node) for node in cluster.nodes[1:])
    known_hosts = f"{home}/ssh/known_hosts"
    key = _key(cluster, ending)
    return Logins(cluster.head.name, what, key, known_hosts, targets, expected)


def _target(node: Node) -> Target:
    """Where the head reaches a node; nobody knows before the machine was asked."""
    user = node.login.user if node.login else "<known after reach>"
    return Target(node.name, user, str(node.address), node.ssh_port)


def _forgotten(cluster: Cluster, node: Node) -> Files:
    folder = f"{cluster.home_of(node.name)}/ssh"
    return Files(node.name, (), absent=tuple(f"{folder}/id_ed25519.{x}" for x in ("new", "old")))


def _key(cluster: Cluster, ending: str = "") -> str:
    return f"{cluster.home_of(cluster.head.name)}/ssh/id_ed25519{ending}"

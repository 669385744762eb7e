"""Replace key pairs in containers: add the new ones, use them, take the old ones away.

At every moment each node takes a key that its peers have: a new key is known to all before the
first uses it, and an old one is taken away only when nobody uses it. ``trust`` is always what the
controlling machine has noted, so that ``up`` wants the same files at the same moment.
"""

from __future__ import annotations

from clusterkit.command import HOST, Put
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.rotation import Rotation
from clusterkit.model.trust import HEAD, OPERATOR, Trust, host_key_name
from clusterkit.providers.docker.host_key import HostKey
from clusterkit.providers.docker.sshd import sshd_folder
from clusterkit.tasks.base import Stage, Task
from clusterkit.tasks.files import Files
from clusterkit.tasks.logins import Logins, Target


def rekey(cluster: Cluster, trust: Trust, rotation: Rotation) -> tuple[Stage, ...]:
    """What one phase of a rotation does to the nodes, and the looks that prove it."""
    match rotation.phase:
        case "beside":
            return _beside(cluster, trust, rotation)
        case "switched":
            return _switched(cluster, trust, rotation)
        case "withdrawn":
            return _withdrawn(cluster, trust, rotation)


def _beside(cluster: Cluster, trust: Trust, rotation: Rotation) -> tuple[Stage, ...]:
    """Every node knows the new keys, and the new ones that log in do so."""
    looks: list[Task] = []
    if OPERATOR in rotation.names:
        looks.append(_from_here(cluster, rotation, "operator.new", "the new operator key"))
    if HEAD in rotation.names:
        looks.append(_from_head(cluster, "id_ed25519.new", "the new head key"))
    known = [_known_keys(cluster, trust, node) for node in cluster.nodes]
    if HEAD in rotation.names:
        new = Put(f"{_ssh(cluster)}/id_ed25519.new", rotation.new[HEAD].private, 0o600)
        known.append(Files(cluster.head.name, (new,)))
    return _stages(("beside", known), ("proof", looks))


def _switched(cluster: Cluster, trust: Trust, rotation: Rotation) -> tuple[Stage, ...]:
    """The new keys are in use, and each does what it is for; the old ones still count."""
    use: list[Task] = [_known_keys(cluster, trust, node) for node in cluster.nodes]
    if HEAD in rotation.names:
        folder = _ssh(cluster)
        files = (
            Put(f"{folder}/id_ed25519.old", rotation.old[HEAD].private, 0o600),
            Put(f"{folder}/id_ed25519", trust.head.private, 0o600),
        )
        use.append(Files(cluster.head.name, files, absent=(f"{folder}/id_ed25519.new",)))
    use += [HostKey(cluster, trust, node) for node in _with_new_host_keys(cluster, rotation)]
    return _stages(("switch", use), ("proof", _proof(cluster, rotation)))


def _withdrawn(cluster: Cluster, trust: Trust, rotation: Rotation) -> tuple[Stage, ...]:
    """No node knows the old keys; each is tried, and refused; then the nodes forget them."""
    looks = _proof(cluster, rotation)
    if OPERATOR in rotation.names:
        old = "operator.revoked"
        looks.append(_from_here(cluster, rotation, old, "the old operator key", refused=True))
    if HEAD in rotation.names:
        looks.append(_from_head(cluster, "id_ed25519.old", "the old head key", refused=True))
    if nodes := _with_new_host_keys(cluster, rotation):
        looks.append(
            Logins(
                HOST,
                "the old host keys",
                f"{rotation.folder}/keys/operator",
                f"{rotation.folder}/known_hosts.revoked",
                _targets(nodes),
                "has another host key",
            )
        )
    know = [_known_keys(cluster, trust, node) for node in cluster.nodes]
    gone = [
        Files(node.name, (), absent=tuple(f"{_ssh(cluster)}/id_ed25519.{end}" for end in _ENDS))
        for node in cluster.nodes
    ]
    forget = gone if HEAD in rotation.names else []
    return _stages(("withdraw", know), ("refusal", looks), ("forget", forget))


_ENDS = ("new", "old")


def _proof(cluster: Cluster, rotation: Rotation) -> list[Task]:
    """Both keys log in, to nodes that are taken for what they are by their new keys alone."""
    looks: list[Task] = [_from_head(cluster, "id_ed25519", "the head key")]
    if cluster.head.machine is None:  # else the way from here leads through the machines
        looks.insert(0, _from_here(cluster, rotation, "operator", "the operator key"))
    return looks


def _known_keys(cluster: Cluster, trust: Trust, node: Node) -> Files:
    """Who may log in to a node, and by what it knows the others; read anew at each login."""
    keys, hosts = trust.authorized_keys(cluster), trust.known_hosts(cluster)
    files = (
        Put(f"{sshd_folder(cluster)}/authorized_keys", keys.encode(), 0o600),
        Put(f"{_ssh(cluster)}/known_hosts", hosts.encode()),
    )
    return Files(node.name, files)


def _from_here(
    cluster: Cluster, rotation: Rotation, key: str, what: str, *, refused: bool = False
) -> Logins:
    return Logins(
        HOST,
        what,
        f"{rotation.folder}/keys/{key}",
        f"{rotation.folder}/known_hosts{'' if rotation.phase == 'beside' else '.new'}",
        _targets(cluster.nodes),
        "refuses it" if refused else "lets it in",
    )


def _from_head(cluster: Cluster, key: str, what: str, *, refused: bool = False) -> Logins:
    folder = _ssh(cluster)
    return Logins(
        cluster.head.name,
        what,
        f"{folder}/{key}",
        f"{folder}/known_hosts",
        _targets(cluster.nodes),
        "refuses it" if refused else "lets it in",
    )


def _with_new_host_keys(cluster: Cluster, rotation: Rotation) -> tuple[Node, ...]:
    return tuple(node for node in cluster.nodes if host_key_name(node.name) in rotation.names)


def _targets(nodes: tuple[Node, ...]) -> tuple[Target, ...]:
    return tuple(Target(node.name, "root", str(node.address), node.ssh_port) for node in nodes)


def _ssh(cluster: Cluster) -> str:
    return f"{cluster.home}/ssh"


def _stages(*stages: tuple[str, list[Task]] | tuple[str, list[Files]]) -> tuple[Stage, ...]:
    return tuple(Stage(name, tuple(tasks)) for name, tasks in stages if tasks)

"""The keys of a cluster of containers: all of them are ours."""

from __future__ import annotations

from clusterkit.command import HOST, Command, Step
from clusterkit.errors import ClusterkitError
from clusterkit.executor import on_each
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.trust import HEAD, OPERATOR, fingerprint, host_key_name
from clusterkit.providers.docker.sshd import sshd_folder
from clusterkit.results.keys import ShownKey
from clusterkit.state.keys import key_file, load_pair, load_trust
from clusterkit.transports.world import World
from clusterkit.use_cases.key_rows import (
    NOT_HERE,
    Answers,
    NodeKeys,
    Verdict,
    admitted,
    on_head,
    proved_by,
    row,
    why_silent,
)
from clusterkit.use_cases.session import Session

# Of a private key too, ssh-keygen reads the public half only.
_LOOK = """
tell() { ssh-keygen -lf "$2" 2>/dev/null | while read -r _ key _; do echo "$1 $key"; done; }
tell authorized "$1"
tell host "$2"
tell head "$3"
"""
_SCAN_TIMEOUT_S = 5


def look_at_containers(session: Session, world: World) -> tuple[ShownKey, ...]:
    """The pairs that log in, and each node's host key: its file, and what sshd offers."""
    cluster, folder = session.cluster, session.folder
    offered = _offered_here(cluster, world)
    names = [node.name for node in cluster.nodes]
    seen = on_each(names, lambda name: _ask(cluster, name, world))
    beside = _beside(session)
    operator, head = key_file(folder, OPERATOR), key_file(folder, HEAD)
    pair, there = load_pair(head), seen[cluster.head.name]
    hosts = [
        _host(session, node, offered.get(str(node.address)), seen, beside)
        for node in cluster.nodes
    ]
    return (
        row("operator", None, operator, str(operator), admitted(load_pair(operator), names, seen)),
        row(
            "head",
            cluster.head.name,
            head,
            f"{cluster.home_of(cluster.head.name)}/ssh/id_ed25519",
            on_head(pair, there, beside) or admitted(pair, names, seen),
        ),
        *hosts,
    )


def container_steps(cluster: Cluster) -> list[Step]:
    """The looks, not made."""
    looks = [Step(node.name, "look at the node's keys", _look(cluster)) for node in cluster.nodes]
    if cluster.head.machine is not None:
        return looks
    return [Step(HOST, "ask each node for its host key", _scan(cluster)), *looks]


def _beside(session: Session) -> frozenset[str]:
    """The fingerprints that count as well, while keys are being replaced."""
    beside = load_trust(session.folder, session.cluster).beside
    return frozenset(fingerprint(public) for publics in beside.values() for public in publics)


def _host(
    session: Session, node: Node, offered: str | None, seen: Answers, beside: frozenset[str]
) -> ShownKey:
    """Whether a node offers its own key to those who connect; ``offered``: to a stranger."""
    file = key_file(session.folder, host_key_name(node.name))
    pair, answer = load_pair(file), seen[node.name]
    if isinstance(answer, NodeKeys) and offered is None:
        offered = answer.proved
    if pair is None:
        verdict = NOT_HERE
    elif offered is None and isinstance(answer, ClusterkitError):
        verdict = Verdict("unknown", (), why_silent(node.name, answer))
    elif offered is None:
        verdict = Verdict("unknown", (), "offers no key")
    elif offered in beside:
        verdict = Verdict("rotating", (offered,))
    elif offered != fingerprint(pair.public):
        verdict = Verdict("differs", (offered,), "the node offers another key")
    elif isinstance(answer, NodeKeys) and not answer.host <= beside | {offered}:
        verdict = Verdict("differs", tuple(sorted(answer.host)), "its file holds another key")
    else:
        verdict = Verdict("same")
    return row("host", node.name, file, f"{sshd_folder(session.cluster)}/host_key", verdict)


def _look(cluster: Cluster) -> Command:
    folder = sshd_folder(cluster)
    files = (f"{folder}/authorized_keys", f"{folder}/host_key", f"{cluster.home}/ssh/id_ed25519")
    return Command(("sh", "-c", _LOOK, "sh", *files), timeout_s=20)


def _ask(cluster: Cluster, name: str, world: World) -> NodeKeys:
    transport = world.transport(name)
    said = transport.run(_look(cluster)).check().stdout
    keys: dict[str, set[str]] = {"authorized": set(), "head": set(), "host": set()}
    for line in said.splitlines():
        kind, key = line.split()
        keys[kind].add(key)
    found = {kind: frozenset(prints) for kind, prints in keys.items()}
    return NodeKeys(**found, proved=proved_by(transport))


def _scan(cluster: Cluster) -> Command:
    """Connect to all nodes as a stranger would: OpenSSH's own look, with no key of ours."""
    addresses = (str(node.address) for node in cluster.nodes)
    words = ("ssh-keyscan", "-T", str(_SCAN_TIMEOUT_S), "-t", "ed25519", *addresses)
    return Command(words, timeout_s=60)


def _offered_here(cluster: Cluster, world: World) -> dict[str, str]:
    """Address -> what a stranger is offered there; nothing where the way leads through others."""
    if cluster.head.machine is not None:
        return {}
    text = world.perform(HOST, _scan(cluster)).stdout
    lines = (line.split(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {address: fingerprint(public) for address, public in lines}

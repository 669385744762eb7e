"""The keys of a cluster of machines: the head's pair is ours, the host keys are their own."""

from __future__ import annotations

import re

from clusterkit.command import Command, Step
from clusterkit.errors import ClusterkitError
from clusterkit.executor import on_each
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.trust import HEAD, fingerprint
from clusterkit.providers.ssh.authorized_key import AuthorizedKey
from clusterkit.results.keys import ShownKey
from clusterkit.state.keys import key_file, load_pair, load_trust
from clusterkit.transports.world import World
from clusterkit.use_cases.key_rows import (
    NodeKeys,
    Verdict,
    admitted,
    on_head,
    proved_by,
    row,
    why_silent,
)
from clusterkit.use_cases.session import Session

_LINE = re.compile(r"ssh-ed25519 \S+")
_PRINT = re.compile(r"\bSHA256:\S+")


def look_at_machines(session: Session, world: World) -> tuple[ShownKey, ...]:
    """The head's pair, and each machine's host key: as it was pinned, and as it proves to be."""
    cluster, folder = session.cluster, session.folder
    head, *others = (node.name for node in cluster.nodes)
    seen = on_each((head, *others), lambda name: _ask(cluster, name, world))
    pair = load_pair(key_file(folder, HEAD))
    publics = load_trust(folder, cluster).beside.get(HEAD, ())
    beside = frozenset(fingerprint(public) for public in publics)
    verdict = on_head(pair, seen[head], beside) or admitted(pair, others, seen)
    return (
        row("head", head, key_file(folder, HEAD), _key_path(cluster), verdict),
        *(_host(node, seen[node.name]) for node in cluster.nodes),
    )


def machine_steps(cluster: Cluster) -> list[Step]:
    """The look at each machine, not made."""
    return [
        Step(node.name, "look at the head's key", _look(cluster, node.name))
        for node in cluster.nodes
    ]


def _look(cluster: Cluster, name: str) -> Command:
    """On the head its key, on each other machine our lines in authorized_keys."""
    if name != cluster.head.name:
        return AuthorizedKey(name, cluster.name, None).probe()
    # Of a private key, ssh-keygen reads the public half only.
    return Command(("ssh-keygen", "-lf", _key_path(cluster)), timeout_s=20)


def _key_path(cluster: Cluster) -> str:
    return f"{cluster.home_of(cluster.head.name)}/ssh/id_ed25519"


def _ask(cluster: Cluster, name: str, world: World) -> NodeKeys:
    transport = world.transport(name)
    answer = transport.run(_look(cluster, name))
    if name == cluster.head.name:  # which may have none
        return NodeKeys(head=frozenset(_PRINT.findall(answer.stdout)), proved=proved_by(transport))
    lines = _LINE.findall(answer.check().stdout)
    return NodeKeys(frozenset(fingerprint(line) for line in lines), proved=proved_by(transport))


def _host(node: Node, seen: NodeKeys | ClusterkitError) -> ShownKey:
    """A machine that has another key than the known one is not connected to at all."""
    pinned = tuple(fingerprint(key) for key in (node.login.host_keys if node.login else ()))
    now = seen.proved if isinstance(seen, NodeKeys) else None
    if isinstance(seen, ClusterkitError):
        why = why_silent(node.name, seen)
        has_changed = "host key" in why and "has changed" in why
        verdict = Verdict("differs" if has_changed else "unknown", (), why)
    elif now is None or now in pinned or not pinned:
        verdict = Verdict("same")
    else:
        verdict = Verdict("differs", (now,), "it has another key than at the last `up`")
    return ShownKey(
        key="host",
        node=node.name,
        fingerprint=pinned[0] if pinned else now,
        path="the machine's own; known_hosts decides",
        state=verdict.state,
        seen=verdict.seen,
        why=verdict.why,
    )

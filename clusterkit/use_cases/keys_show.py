"""The keys of a cluster as they are noted here, and as they are on the nodes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clusterkit.command import HOST, Command, Step
from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.executor import on_each
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.trust import HEAD, OPERATOR, KeyPair, fingerprint, host_key_name
from clusterkit.providers.docker.sshd import sshd_folder
from clusterkit.results.keys import KeysResult, KeyState, PendingRotation, ShownKey
from clusterkit.state.keys import key_file, load_pair, load_trust
from clusterkit.state.rotation import load_rotation
from clusterkit.transports.base import Transport
from clusterkit.transports.local import LocalTransport
from clusterkit.transports.ssh import SshTransport
from clusterkit.transports.world import World
from clusterkit.use_cases.session import Session, open_world

# Of a private key too, ssh-keygen reads the public half only.
_LOOK = """
tell() { ssh-keygen -lf "$2" 2>/dev/null | while read -r _ key _; do echo "$1 $key"; done; }
tell authorized "$1"
tell host "$2"
tell head "$3"
"""
_SCAN_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class _Node:
    """The fingerprints that were seen on one node; ``proved``: by which we knew it."""

    authorized: frozenset[str]
    host: frozenset[str]
    head: frozenset[str]
    proved: str | None = None


def show(session: Session) -> KeysResult:
    """Look at every node: who may log in there, and which host key it offers."""
    began = time.monotonic()
    refuse_without_keys(session.cluster)
    with open_world(session) as world:
        keys = look_at_keys(session, world)
    return KeysResult(
        cluster=session.cluster.name,
        keys=keys,
        rotation=pending(session.folder),
        took_s=time.monotonic() - began,
    )


def show_steps(session: Session) -> list[Step]:
    """The looks, not made."""
    cluster = session.cluster
    refuse_without_keys(cluster)
    if cluster.head.container is None:
        from clusterkit.use_cases.keys_machines import machine_steps

        return machine_steps(cluster)
    looks = [Step(node.name, "look at the node's keys", _look(cluster)) for node in cluster.nodes]
    if cluster.head.machine is not None:
        return looks
    return [Step(HOST, "ask each node for its host key", _scan(cluster)), *looks]


def refuse_without_keys(cluster: Cluster) -> None:
    """A cluster on this machine has none.

    Raises:
        UsageError: If nobody logs in to this cluster.
    """
    if cluster.provider == "local":
        raise UsageError(
            f"cluster {cluster.name} is this machine: nobody logs in, so it has no keys. "
            "Fix: choose a cluster of provider docker or ssh with `-c`"
        )


def pending(folder: Path) -> PendingRotation | None:
    """The rotation that was interrupted."""
    found = load_rotation(folder)
    if found is None:
        return None
    return PendingRotation(keys=found.names, phase=found.phase, began_at=found.began_at)


def look_at_keys(session: Session, world: World) -> tuple[ShownKey, ...]:
    """One row for each pair; a node that cannot be asked leaves its rows unknown."""
    if session.cluster.head.container is None:
        from clusterkit.use_cases.keys_machines import look_at_machines

        return look_at_machines(session, world)
    cluster, folder = session.cluster, session.folder
    offered = _offered_here(cluster)
    names = [node.name for node in cluster.nodes]
    seen = on_each(names, lambda name: _ask(cluster, world.transport(name)))
    beside = _beside(session)
    hosts = [
        _host(node, session, offered.get(str(node.address)), seen, beside)
        for node in cluster.nodes
    ]
    operator = load_pair(key_file(folder, OPERATOR))
    head = load_pair(key_file(folder, HEAD))
    return (
        _row(session, OPERATOR, *_admitted(operator, seen)),
        _row(session, HEAD, *_on_head(head, cluster, seen, beside)),
        *hosts,
    )


def _beside(session: Session) -> frozenset[str]:
    """The fingerprints that count as well, while keys are being replaced."""
    beside = load_trust(session.folder, session.cluster).beside
    return frozenset(fingerprint(public) for publics in beside.values() for public in publics)


_Seen = Mapping[str, _Node | ClusterkitError]
_Verdict = tuple[KeyState, tuple[str, ...], str | None]
"""The state, what was seen where it is another key, and what is wrong."""


def _admitted(pair: KeyPair | None, seen: _Seen) -> _Verdict:
    """Whether every node lets in who has this key."""
    if pair is None:
        return "missing", (), "it is not here. Fix: `clusterkit up INVENTORY`"
    ours = fingerprint(pair.public)
    silent = [f"{node}: {_short(answer)}" for node, answer in seen.items() if _is_error(answer)]
    without = [
        node
        for node, answer in seen.items()
        if isinstance(answer, _Node) and ours not in answer.authorized
    ]
    if without:
        return "differs", (), f"not in authorized_keys of {', '.join(without)}"
    return ("unknown", (), "; ".join(silent)) if silent else ("same", (), None)


def _on_head(
    pair: KeyPair | None, cluster: Cluster, seen: _Seen, beside: frozenset[str]
) -> _Verdict:
    """Whether the head has this key, and every node lets it in."""
    there = seen[cluster.head.name]
    if pair is not None and isinstance(there, _Node):
        if not there.head:
            return "missing", (), "the head has no key. Fix: `clusterkit up INVENTORY`"
        if there.head <= beside:
            return "rotating", tuple(sorted(there.head)), None
        if there.head != {fingerprint(pair.public)}:
            return "differs", tuple(sorted(there.head)), "the head has another key"
    return _admitted(pair, seen)


def _host(
    node: Node, session: Session, offered: str | None, seen: _Seen, beside: frozenset[str]
) -> ShownKey:
    """Whether a node offers its own key to those who connect."""
    name = host_key_name(node.name)
    pair = load_pair(key_file(session.folder, name))
    answer = seen[node.name]
    if isinstance(answer, _Node) and offered is None:
        offered = answer.proved
    verdict: _Verdict = ("same", (), None)
    if pair is None:
        verdict = ("missing", (), "it is not here. Fix: `clusterkit up INVENTORY`")
    elif offered is None:
        verdict = ("unknown", (), _short(answer) if _is_error(answer) else "offers no key")
    elif offered in beside:
        verdict = ("rotating", (offered,), None)
    elif offered != fingerprint(pair.public):
        verdict = ("differs", (offered,), "the node offers another key")
    elif isinstance(answer, _Node) and not answer.host <= beside | {offered}:
        verdict = ("differs", tuple(sorted(answer.host)), "its file holds another key")
    return _row(session, name, *verdict, node=node.name)


def _row(
    session: Session,
    name: str,
    state: KeyState,
    seen: tuple[str, ...],
    why: str | None,
    *,
    node: str | None = None,
) -> ShownKey:
    cluster = session.cluster
    file = key_file(session.folder, name)
    pair = load_pair(file)
    made = datetime.fromtimestamp(file.stat().st_mtime, UTC) if pair else None
    host = f"{sshd_folder(cluster)}/host_key"
    paths = {OPERATOR: str(file), HEAD: f"{cluster.home_of(cluster.head.name)}/ssh/id_ed25519"}
    return ShownKey(
        key="operator" if name == OPERATOR else "head" if name == HEAD else "host",
        node=cluster.head.name if name == HEAD else node,
        fingerprint=fingerprint(pair.public) if pair else None,
        made_at=made.isoformat(timespec="seconds") if made else None,
        age_s=max(0.0, time.time() - made.timestamp()) if made else None,
        path=paths.get(name, host),
        state=state,
        seen=seen,
        why=why,
    )


def _look(cluster: Cluster) -> Command:
    folder = sshd_folder(cluster)
    files = (f"{folder}/authorized_keys", f"{folder}/host_key", f"{cluster.home}/ssh/id_ed25519")
    return Command(("sh", "-c", _LOOK, "sh", *files), timeout_s=20)


def _ask(cluster: Cluster, transport: Transport) -> _Node:
    said = transport.run(_look(cluster)).check().stdout
    lines = [line.split() for line in said.splitlines()]
    authorized, host, head = (
        frozenset(key for kind, key in lines if kind == what) for what in _KINDS
    )
    proved = transport.login().host_keys[0] if isinstance(transport, SshTransport) else None
    return _Node(authorized, host, head, fingerprint(proved) if proved else None)


_KINDS = ("authorized", "host", "head")


def _scan(cluster: Cluster) -> Command:
    """Connect to all nodes as a stranger would: OpenSSH's own look, with no key of ours."""
    addresses = (str(node.address) for node in cluster.nodes)
    words = ("ssh-keyscan", "-T", str(_SCAN_TIMEOUT_S), "-t", "ed25519", *addresses)
    return Command(words, timeout_s=60)


def _offered_here(cluster: Cluster) -> dict[str, str]:
    """Address -> what a stranger is offered there; nothing where the way leads through others."""
    if cluster.head.machine is not None:
        return {}
    text = LocalTransport().run(_scan(cluster)).stdout
    lines = (line.split(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {address: fingerprint(public) for address, public in lines}


def _is_error(answer: object) -> bool:
    return isinstance(answer, ClusterkitError)


def _short(answer: object) -> str:
    return str(answer).partition(" Fix:")[0].partition(": ")[2]

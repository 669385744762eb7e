"""The keys of a cluster of machines: the head's pair is ours, the host keys are their own."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from clusterkit.command import Command, Step
from clusterkit.errors import ClusterkitError
from clusterkit.executor import on_each
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.trust import HEAD, fingerprint
from clusterkit.providers.ssh.authorized_key import mark
from clusterkit.results.keys import KeyState, ShownKey
from clusterkit.state.keys import key_file, load_pair, load_trust
from clusterkit.transports.ssh import SshTransport
from clusterkit.transports.world import World
from clusterkit.use_cases.session import Session

# $1: the mark of our line in authorized_keys, $2: where the head has its key. Of a private key,
# ssh-keygen reads the public half only.
_LOOK = """
grep -F -e "$1" -- "$HOME/.ssh/authorized_keys" 2>/dev/null
ssh-keygen -lf "$2" 2>/dev/null
true
"""
_LINE = re.compile(r"ssh-ed25519 \S+")
_PRINT = re.compile(r"\bSHA256:\S+")
_KNOWN = "known_hosts decides"


@dataclass(frozen=True, slots=True)
class _Machine:
    """Fingerprints on one machine: whom our line lets in, the head's key, the host key."""

    authorized: frozenset[str]
    head: frozenset[str]
    host: str


_Seen = Mapping[str, _Machine | ClusterkitError]
_Verdict = tuple[KeyState, tuple[str, ...], str | None]


def look_at_machines(session: Session, world: World) -> tuple[ShownKey, ...]:
    """The head's pair, and each machine's host key: as it was pinned, and as it proves to be."""
    cluster = session.cluster
    names = [node.name for node in cluster.nodes]
    seen = on_each(names, lambda name: _ask(cluster, name, world))
    return (_head(session, seen), *(_host(node, seen[node.name]) for node in cluster.nodes))


def machine_steps(cluster: Cluster) -> list[Step]:
    """The look at each machine, not made."""
    return [
        Step(node.name, "look at the head's key", _look(cluster, node.name))
        for node in cluster.nodes
    ]


def _look(cluster: Cluster, name: str) -> Command:
    words = (mark(cluster.name, name), f"{cluster.home_of(name)}/ssh/id_ed25519")
    return Command(("sh", "-c", _LOOK, "sh", *words), timeout_s=20)


def _ask(cluster: Cluster, name: str, world: World) -> _Machine:
    transport = world.transport(name)
    said = transport.run(_look(cluster, name)).check().stdout
    host = transport.login().host_keys[0] if isinstance(transport, SshTransport) else ""
    return _Machine(
        frozenset(fingerprint(line) for line in _LINE.findall(said)),
        frozenset(_PRINT.findall(said)),
        fingerprint(host),
    )


def _head(session: Session, seen: _Seen) -> ShownKey:
    cluster, file = session.cluster, key_file(session.folder, HEAD)
    pair = load_pair(file)
    made = datetime.fromtimestamp(file.stat().st_mtime, UTC) if pair else None
    state, others, why = _verdict(session, fingerprint(pair.public) if pair else None, seen)
    return ShownKey(
        key="head",
        node=cluster.head.name,
        fingerprint=fingerprint(pair.public) if pair else None,
        made_at=made.isoformat(timespec="seconds") if made else None,
        age_s=max(0.0, time.time() - made.timestamp()) if made else None,
        path=f"{cluster.home_of(cluster.head.name)}/ssh/id_ed25519",
        state=state,
        seen=others,
        why=why,
    )


def _verdict(session: Session, ours: str | None, seen: _Seen) -> _Verdict:
    """Whether the head has the key, and every other machine lets it in."""
    if ours is None:
        return "missing", (), "it is not here. Fix: `clusterkit up INVENTORY`"
    beside = load_trust(session.folder, session.cluster).beside.get(HEAD, ())
    also = {fingerprint(public) for public in beside}
    head, *others = (node.name for node in session.cluster.nodes)
    there = seen[head]
    if isinstance(there, _Machine) and there.head != {ours}:
        if there.head and there.head <= also:
            return "rotating", tuple(there.head), None
        state: KeyState = "differs" if there.head else "missing"
        return state, tuple(there.head), "the head has another key, or none"
    rows = [(name, seen[name]) for name in others]
    without = [n for n, row in rows if isinstance(row, _Machine) and ours not in row.authorized]
    if without:
        return "differs", (), f"not in authorized_keys of {', '.join(without)}"
    silent = [str(row) for row in seen.values() if isinstance(row, ClusterkitError)]
    first = "; ".join(text.partition(" Fix:")[0] for text in silent)
    return ("unknown", (), first) if silent else ("same", (), None)


def _host(node: Node, seen: _Machine | ClusterkitError) -> ShownKey:
    """A machine that has another key than the known one is not connected to at all."""
    pinned = tuple(fingerprint(key) for key in (node.login.host_keys if node.login else ()))
    state: KeyState = "unknown"
    why: str | None = None
    if isinstance(seen, ClusterkitError):
        why = str(seen).partition(" Fix:")[0].removeprefix(f"{node.name}: ")
        state = "differs" if "host key" in why and "has changed" in why else "unknown"
    elif seen.host in pinned or not pinned:
        state = "same"
    else:
        state, why = "differs", "it has another key than at the last `up`"
    now = (seen.host,) if isinstance(seen, _Machine) else ()
    return ShownKey(
        key="host",
        node=node.name,
        fingerprint=pinned[0] if pinned else next(iter(now), None),
        path=f"the machine's own; {_KNOWN}",
        state=state,
        seen=now if state == "differs" else (),
        why=why,
    )

"""Rows of ``keys``: what is noted here of a key pair, and whether the nodes have just that."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clusterkit.errors import ClusterkitError, reason, what_and_fix
from clusterkit.model.trust import KeyPair, fingerprint
from clusterkit.results.keys import KeyKind, KeyState, ShownKey
from clusterkit.state.keys import load_pair
from clusterkit.transports.base import Transport
from clusterkit.transports.ssh import SshTransport


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """The fingerprints that were seen on one node.

    ``authorized``: who may log in. ``head`` and ``host``: the files of these keys. ``proved``: the
    host key by which we knew the node when we logged in.
    """

    authorized: frozenset[str] = frozenset()
    head: frozenset[str] = frozenset()
    host: frozenset[str] = frozenset()
    proved: str | None = None


Answers = Mapping[str, NodeKeys | ClusterkitError]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a key is there, what was seen where it is another one, and what is wrong."""

    state: KeyState
    seen: tuple[str, ...] = ()
    why: str | None = None


NOT_HERE = Verdict("missing", (), "it is not here. Fix: `clusterkit up INVENTORY`")


def admitted(pair: KeyPair | None, nodes: Iterable[str], seen: Answers) -> Verdict:
    """Whether each of ``nodes`` lets in who has this key; not known where any was silent."""
    if pair is None:
        return NOT_HERE
    ours, without = fingerprint(pair.public), []
    for node in nodes:
        answer = seen[node]
        if isinstance(answer, NodeKeys) and ours not in answer.authorized:
            without.append(node)
    if without:
        return Verdict("differs", (), f"not in authorized_keys of {', '.join(without)}")
    silent = [
        f"{node}: {why_silent(node, answer)}"
        for node, answer in seen.items()
        if isinstance(answer, ClusterkitError)
    ]
    return Verdict("unknown", (), "; ".join(silent)) if silent else Verdict("same")


def on_head(
    pair: KeyPair | None, head: NodeKeys | ClusterkitError, beside: frozenset[str]
) -> Verdict | None:
    """What is wrong with the key that lies on the head, if that can be told; ``beside`` counts."""
    if pair is None or isinstance(head, ClusterkitError):
        return None
    if not head.head:
        return Verdict("missing", (), "the head has no key. Fix: `clusterkit up INVENTORY`")
    if head.head <= beside:
        return Verdict("rotating", tuple(sorted(head.head)))
    if head.head != {fingerprint(pair.public)}:
        return Verdict("differs", tuple(sorted(head.head)), "the head has another key")
    return None


def row(key: KeyKind, node: str | None, file: Path, path: str, verdict: Verdict) -> ShownKey:
    """The row of the pair whose private half is ``file`` here, and lies at ``path``."""
    pair = load_pair(file)
    made = datetime.fromtimestamp(file.stat().st_mtime, UTC) if pair else None
    return ShownKey(
        key=key,
        node=node,
        fingerprint=fingerprint(pair.public) if pair else None,
        made_at=made.isoformat(timespec="seconds") if made else None,
        age_s=max(0.0, time.time() - made.timestamp()) if made else None,
        path=path,
        state=verdict.state,
        seen=verdict.seen,
        why=verdict.why,
    )


def proved_by(transport: Transport) -> str | None:
    """The fingerprint of the host key by which we know who answers."""
    if not isinstance(transport, SshTransport):
        return None
    return fingerprint(transport.login().host_keys[0])


def why_silent(node: str, error: ClusterkitError) -> str:
    """Why a node could not be asked, without the fix: the row is no place for it."""
    return what_and_fix(reason(node, error))[0]

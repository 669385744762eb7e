"""Make and keep a cluster's keys: ed25519, private halves mode 600, never in argv or a log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from clusterkit.model.cluster import Cluster
from clusterkit.model.trust import (
    HEAD,
    OPERATOR,
    PLANNED,
    KeyPair,
    Trust,
    host_key_name,
    key_names,
)
from clusterkit.state.files import write

# What a damaged key raises, by where the damage is; TypeError: it asks for a passphrase.
_UNREADABLE = (OSError, ValueError, TypeError, UnsupportedAlgorithm)


def key_file(folder: Path, name: str) -> Path:
    """The private key of the pair called ``name``; see :func:`key_names`."""
    return folder / "keys" / name


def operator_key_file(folder: Path) -> Path:
    """The private key with which the controlling machine logs in to the nodes."""
    return key_file(folder, OPERATOR)


def known_hosts_file(folder: Path) -> Path:
    """The host keys that the controlling machine accepts."""
    return folder / "known_hosts"


def rotation_file(folder: Path) -> Path:
    """Says that keys are being replaced, from before the first node hears of it to the end."""
    return folder / "rotation.json"


def load_trust(folder: Path, cluster: Cluster) -> Trust:
    """The cluster's keys as they are; ``PLANNED`` for those that are yet to be made."""
    return _trust(folder, cluster, _load_or_plan)


def ensure_trust(folder: Path, cluster: Cluster) -> Trust:
    """The cluster's keys; those that are missing are made. known_hosts is written as well."""
    trust = _trust(folder, cluster, ensure_pair)
    write(known_hosts_file(folder), trust.known_hosts(cluster).encode())
    return trust


def _trust(folder: Path, cluster: Cluster, get: Callable[[Path], KeyPair]) -> Trust:
    return Trust(
        get(key_file(folder, OPERATOR)),
        get(key_file(folder, HEAD)),
        {node.name: get(key_file(folder, host_key_name(node.name))) for node in cluster.nodes},
        _beside(folder, cluster) if rotation_file(folder).exists() else {},
    )


def _beside(folder: Path, cluster: Cluster) -> dict[str, tuple[str, ...]]:
    """What counts beside each pair that is being replaced, wherever that was interrupted."""
    found: dict[str, tuple[str, ...]] = {}
    for name in key_names(cluster):
        now = _load_or_plan(key_file(folder, name))
        others = [load_pair(key_file(folder, f"{name}.{which}")) for which in ("new", "old")]
        if publics := tuple(pair.public for pair in others if pair and pair != now):
            found[name] = publics
    return found


def ensure_pair(path: Path) -> KeyPair:
    """The pair whose private half is the file ``path``; made if it is missing or damaged."""
    try:
        pair = _load(path)
    except _UNREADABLE:
        key = Ed25519PrivateKey.generate()
        write(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        return _load(path)
    path.chmod(0o600)
    return pair


def forget_pair(folder: Path, name: str) -> None:
    """Have a new pair of that name made; while it is being replaced, that goes on instead."""
    if not rotation_file(folder).exists():
        key_file(folder, name).unlink(missing_ok=True)


def load_pair(path: Path) -> KeyPair | None:
    """The pair whose private half is the file ``path``; None where there is none."""
    try:
        return _load(path)
    except _UNREADABLE:
        return None


def _load_or_plan(path: Path) -> KeyPair:
    return load_pair(path) or PLANNED


def _load(path: Path) -> KeyPair:
    private = path.read_bytes()
    public = load_ssh_private_key(private, None).public_key()
    return KeyPair(private, public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())

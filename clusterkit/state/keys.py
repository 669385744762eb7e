"""Make and keep a cluster's keys: ed25519, private halves mode 600, never in argv or a log."""

from __future__ import annotations

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
from clusterkit.model.trust import PLANNED, KeyPair, Trust
from clusterkit.state.files import write

# What a damaged key raises, by where the damage is; TypeError: it asks for a passphrase.
_UNREADABLE = (OSError, ValueError, TypeError, UnsupportedAlgorithm)


def operator_key_file(folder: Path) -> Path:
    """The private key with which the controlling machine logs in to the nodes."""
    return folder / "keys" / "operator"


def known_hosts_file(folder: Path) -> Path:
    """The host keys that the controlling machine accepts."""
    return folder / "known_hosts"


def load_trust(folder: Path, cluster: Cluster) -> Trust:
    """The cluster's keys as they are; ``PLANNED`` for those that are yet to be made."""
    return Trust(
        _load_or_plan(operator_key_file(folder)),
        _load_or_plan(folder / "keys" / "head"),
        {
            node.name: _load_or_plan(folder / "keys" / f"host-{node.name}")
            for node in cluster.nodes
        },
    )


def ensure_trust(folder: Path, cluster: Cluster) -> Trust:
    """The cluster's keys; those that are missing are made. known_hosts is written as well."""
    trust = Trust(
        _ensure(operator_key_file(folder)),
        _ensure(folder / "keys" / "head"),
        {node.name: _ensure(folder / "keys" / f"host-{node.name}") for node in cluster.nodes},
    )
    write(known_hosts_file(folder), trust.known_hosts(cluster).encode())
    return trust


def _ensure(path: Path) -> KeyPair:
    try:
        pair = _load(path)
    except _UNREADABLE:
        key = Ed25519PrivateKey.generate()
        write(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        return _load(path)
    path.chmod(0o600)
    return pair


def _load_or_plan(path: Path) -> KeyPair:
    try:
        return _load(path)
    except _UNREADABLE:
        return PLANNED


def _load(path: Path) -> KeyPair:
    private = path.read_bytes()
    public = load_ssh_private_key(private, None).public_key()
    return KeyPair(private, public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())

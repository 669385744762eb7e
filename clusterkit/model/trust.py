"""The keys of one cluster, as values; making and storing them is the business of ``state``."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from clusterkit.model.cluster import SSH_PORT, Cluster, Node

OPERATOR, HEAD = "operator", "head"
"""What the two key pairs are called that log in."""


def host_key_name(node: str) -> str:
    """What the host key pair of a node is called."""
    return f"host-{node}"


def key_names(cluster: Cluster) -> tuple[str, ...]:
    """What all key pairs of a cluster are called."""
    return (OPERATOR, HEAD, *(host_key_name(node.name) for node in cluster.nodes))


def fingerprint(public: str) -> str:
    """A public key's SHA256 as ``ssh-keygen -l`` prints it; ``public`` may carry a comment."""
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An ed25519 key pair in OpenSSH's formats."""

    private: bytes = field(repr=False)
    public: str


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may log in where.

    The ``operator`` key never leaves the controlling machine. The ``head`` key lies on the head
    only, for mpirun and the supervisor. ``hosts`` are the host keys of the nodes. ``beside`` has,
    while a key pair is being replaced, the other public keys that count for it: the new one
    before it is in use, the old one until nothing uses it.
    """

    operator: KeyPair
    head: KeyPair
    hosts: Mapping[str, KeyPair]
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def authorized_keys(self, cluster: Cluster) -> str:
        """Both keys that may log in to every node."""
        return "".join(
            f"{public} clusterkit-{cluster.name}-{whose}\n"
            for whose, pair in ((OPERATOR, self.operator), (HEAD, self.head))
            for public in self._count_for(whose, pair)
        )

    def known_hosts(self, cluster: Cluster) -> str:
        """Every node's host key, under its name and its address."""
        return "".join(
            f"{_names(node)} {public}\n"
            for node in cluster.nodes
            for public in self._count_for(host_key_name(node.name), self.hosts[node.name])
        )

    def _count_for(self, name: str, pair: KeyPair) -> list[str]:
        """All public keys of one name, in an order that does not tell which is in use."""
        return sorted((pair.public, *self.beside.get(name, ())))


def _names(node: Node) -> str:
    """What ssh and paramiko look for in known_hosts; where the port is not 22 it is a part."""
    port = node.ssh_port
    place = node.address if port == SSH_PORT else f"[{node.address}]:{port}"
    return f"{node.name},{place}"


PLANNED = KeyPair(b"", "<known after up>")
"""Stands for a key that is not made yet, so that a plan can name the files it goes into."""


def planned_trust(cluster: Cluster) -> Trust:
    """The keys of a cluster that does not exist yet."""
    return Trust(PLANNED, PLANNED, {node.name: PLANNED for node in cluster.nodes})

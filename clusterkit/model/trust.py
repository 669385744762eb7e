"""The keys of one cluster, as values; making and storing them is the business of ``state``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clusterkit.model.cluster import Cluster


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An ed25519 key pair in OpenSSH's formats."""

    private: bytes = field(repr=False)
    public: str


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may log in where.

    The ``operator`` key never leaves the controlling machine. The ``head`` key lies on the head
    only, for mpirun and the supervisor. ``hosts`` are the host keys of the nodes.
    """

    operator: KeyPair
    head: KeyPair
    hosts: Mapping[str, KeyPair]

    def authorized_keys(self, cluster: Cluster) -> str:
        """Both keys that may log in to every node."""
        return "".join(
            f"{pair.public} clusterkit-{cluster.name}-{whose}\n"
            for whose, pair in (("operator", self.operator), ("head", self.head))
        )

    def known_hosts(self, cluster: Cluster) -> str:
        """Every node's host key, under its name and its address."""
        return "".join(
            f"{node.name},{node.address} {self.hosts[node.name].public}\n"
            for node in cluster.nodes
        )


PLANNED = KeyPair(b"", "<known after up>")
"""Stands for a key that is not made yet, so that a plan can name the files it goes into."""


def planned_trust(cluster: Cluster) -> Trust:
    """The keys of a cluster that does not exist yet."""
    return Trust(PLANNED, PLANNED, {node.name: PLANNED for node in cluster.nodes})

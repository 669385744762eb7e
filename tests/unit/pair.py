"""The cluster of two containers that unit tests speak of, and its keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from clusterkit.model.cluster import Cluster, Container, Node, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.model.trust import KeyPair, Trust

IMAGE = Container("clusterkit/node-cpu")


def node(number: int, *, container: Container | None = IMAGE, **changes: Any) -> Node:
    made = Node(
        name=f"node{number}",
        slots=2,
        address=f"192.168.123.{110 + number}",
        container=container,
    )
    return replace(made, **changes)


def pair(**changes: Any) -> Cluster:
    made = Cluster(
        name="pair",
        provider="docker",
        nodes=(node(1), node(2)),
        storage=Storage("volume", "/shared"),
        engine=EngineSettings(pp=2),
        subnet="192.168.123.0/24",
    )
    return replace(made, **changes)


def key(name: str) -> KeyPair:
    return KeyPair(f"private {name}\n".encode(), f"ssh-ed25519 {name}")


def trust(cluster: Cluster) -> Trust:
    hosts = {node.name: key(f"host-{node.name}") for node in cluster.nodes}
    return Trust(key("operator"), key("head"), hosts)

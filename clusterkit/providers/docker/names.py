"""What the objects of a cluster are called on the Docker host, and how they are labelled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from clusterkit.command import DockerLook
from clusterkit.model.cluster import Cluster, Node, default_sync_path

LABEL = "clusterkit.cluster"
NODE_LABEL = "clusterkit.node"
SPEC_LABEL = "clusterkit.spec"
LOCK_LABEL = "clusterkit.lock"
LAB_LABEL = "clusterkit.lab"
LOCKS_LABEL = "clusterkit.locks"


def container_name(cluster: Cluster, node: str) -> str:
    """Unique on the Docker host, where two clusters may both have a ``node1``."""
    return f"{cluster.name}-{node}"


def network_name(cluster: Cluster) -> str:
    """The cluster network."""
    return f"clusterkit-{cluster.name}"


def volume_name(cluster: Cluster) -> str:
    """The volume of a cluster whose storage is one; of another export it is another volume."""
    source = cluster.storage.source if cluster.storage.kind == "nfs" else None
    which = f"-{hashlib.sha256(source.encode()).hexdigest()[:8]}" if source else ""
    return f"clusterkit-{cluster.name}-storage{which}"


def has_volume(cluster: Cluster) -> bool:
    """Whether the storage is a volume: Docker's, an export that Docker mounts, or own copies.

    Copies at a path of the user's own are in a folder of the machine.
    """
    storage = cluster.storage
    own = storage.kind == "sync" and storage.path == default_sync_path(cluster.name)
    return storage.kind in ("volume", "nfs") or own


def labels(cluster: Cluster) -> dict[str, str]:
    """The mark of everything that is the cluster's; that of a lab says so."""
    return {LABEL: cluster.name} | ({LAB_LABEL: "yes"} if cluster.lab else {})


def label(thing: Mapping[str, Any], name: str) -> str | None:
    """One label of an object as Docker tells it, which has null where there are none."""
    value: str | None = (thing.get("labels") or {}).get(name)
    return value


def is_ours(thing: Mapping[str, Any], cluster: Cluster) -> bool:
    """Whether clusterkit made this object for this cluster."""
    return label(thing, LABEL) == cluster.name


def look_at(cluster: Cluster, nodes: Sequence[Node] | None = None) -> DockerLook:
    """One question about all that the cluster has or wants: one answer serves all tasks.

    ``nodes`` are those of one machine, where each has an engine of its own.
    """
    asked = cluster.nodes if nodes is None else nodes
    containers = [container_name(cluster, node.name) for node in asked]
    images = {node.container.image for node in asked if node.container}
    return DockerLook(cluster.name, (*containers, volume_name(cluster)), tuple(sorted(images)))

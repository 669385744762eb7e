"""The hostfile of a cluster, as Open MPI 4 and 5 read it."""

from __future__ import annotations

from clusterkit.model.cluster import Cluster


def hostfile(cluster: Cluster) -> str:
    """One line for each node, the head first."""
    return "".join(f"{node.name} slots={node.slots}\n" for node in cluster.members)

"""What an inventory means on this machine."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from clusterkit.model.cluster import Cluster
from clusterkit.model.inventory import Inventory
from clusterkit.state.folders import cache_folder, cluster_folder


def resolve(inventory: Inventory, file: Path) -> Cluster:
    """Expand and default everything; relative paths begin at the inventory's file.

    On this machine, ranks run with the Python that runs clusterkit unless told otherwise.
    """
    cluster = inventory.resolve(
        base=file.absolute().parent,
        local_home=cluster_folder(inventory.cluster) / "node",
        local_storage=cache_folder() / "storage",
    )
    if cluster.provider != "local":
        return cluster
    nodes = (replace(node, python=node.python or sys.executable) for node in cluster.nodes)
    return replace(cluster, nodes=tuple(nodes))

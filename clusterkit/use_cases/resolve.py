"""What an inventory means on this machine."""

from __future__ import annotations

from pathlib import Path

from clusterkit.model.cluster import Cluster
from clusterkit.model.inventory import Inventory
from clusterkit.state.folders import cache_folder, cluster_folder


def resolve(inventory: Inventory, file: Path) -> Cluster:
    """Expand and default everything; relative paths begin at the inventory's file."""
    return inventory.resolve(
        base=file.absolute().parent,
        local_home=cluster_folder(inventory.cluster) / "node",
        local_storage=cache_folder() / "storage",
    )

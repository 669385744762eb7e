"""The one node is this machine: no root, no Docker, no SSH."""

from __future__ import annotations

from clusterkit.command import Put
from clusterkit.launchers.hostfile import hostfile
from clusterkit.model.cluster import Cluster
from clusterkit.model.trust import Trust
from clusterkit.tasks.base import Stage
from clusterkit.tasks.files import Files
from clusterkit.tasks.folder_gone import FolderGone


def up(cluster: Cluster, trust: Trust) -> tuple[Stage, ...]:  # noqa: ARG001 - nobody logs in here
    """The node is there already; it gets its hostfile."""
    files = (Put(f"{cluster.home}/hostfile", hostfile(cluster).encode()),)
    return (Stage("nodes", (Files(cluster.head.name, files),)),)


def down(cluster: Cluster) -> tuple[Stage, ...]:
    """Everything of the cluster lies in one folder."""
    return (Stage("nodes", (FolderGone(cluster.head.name, cluster.home),)),)


def kept(cluster: Cluster) -> tuple[str, ...]:
    """What ``down`` leaves: the storage is the user's own cache of models."""
    return (cluster.storage.path,)

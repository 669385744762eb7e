"""Nodes are machines that are there already, reached by SSH.

On a machine nothing is edited outside the cluster's folder, but for one marked line in the
user's authorized_keys: ssh is called with ``-F`` and its own known_hosts.
"""

from __future__ import annotations

from clusterkit.model.cluster import Cluster
from clusterkit.model.former import Former
from clusterkit.model.trust import HEAD, Trust
from clusterkit.providers.ssh.authorized_key import AuthorizedKey
from clusterkit.providers.ssh.carried import containers_down, containers_up, machine_gone
from clusterkit.providers.ssh.head_files import head_files, no_head_files
from clusterkit.providers.ssh.own_folder import OwnFolder, OwnFolderGone
from clusterkit.providers.ssh.rekey import rekey
from clusterkit.tasks.base import Stage, Task
from clusterkit.tasks.head_login import HeadLogsIn

__all__ = ["down", "former", "kept", "rekey", "up"]


def up(cluster: Cluster, trust: Trust) -> tuple[Stage, ...]:
    """Bare nodes or a container on each machine; then the head may log in to them all."""
    carried = any(node.container for node in cluster.nodes)
    stages = containers_up(cluster, trust) if carried else _bare(cluster, trust)
    if len(cluster.nodes) == 1:
        return stages
    return (*stages, Stage("trust", (HeadLogsIn(cluster),), after=("nodes", "trust")))


def _bare(cluster: Cluster, trust: Trust) -> tuple[Stage, ...]:
    """A folder on each machine, and who may log in where."""
    # The head may have been another node before, which the head of then could log in to.
    trusting: list[Task] = [
        head_files(cluster, trust),
        AuthorizedKey(cluster.head.name, cluster.name, None, expected=False),
    ]
    for node in cluster.nodes[1:]:
        trusting.append(no_head_files(cluster, node))
        beside = trust.beside.get(HEAD, ())
        trusting.append(AuthorizedKey(node.name, cluster.name, trust.head.public, beside))
    return (
        Stage("nodes", tuple(OwnFolder(cluster, node) for node in cluster.nodes)),
        Stage("trust", tuple(trusting)),
    )


def down(cluster: Cluster) -> tuple[Stage, ...]:
    """Take the head's key out everywhere first: then nobody can use it while the rest goes."""
    if any(node.container for node in cluster.nodes):
        return containers_down(cluster)
    keys: list[Task] = [AuthorizedKey(node.name, cluster.name, None) for node in cluster.nodes]
    gone: list[Task] = [
        OwnFolderGone(node.name, cluster.home_of(node.name)) for node in cluster.nodes
    ]
    return (Stage("trust", tuple(keys)), Stage("nodes", tuple(gone)))


def former(cluster: str, node: Former) -> tuple[Task, ...]:
    """Take a node away that is no part of the cluster any more."""
    if node.is_carried:
        return machine_gone(cluster, node.node)
    if node.home is None:
        return ()
    return (
        AuthorizedKey(node.node, cluster, None),
        OwnFolderGone(node.node, node.home),
    )


def kept(cluster: Cluster) -> tuple[str, ...]:
    """What ``down`` leaves: the models on storage that machines share, which is not ours."""
    return () if cluster.storage.kind == "sync" else (cluster.storage.path,)

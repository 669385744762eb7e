"""The stages from an inventory to a cluster and back, as values; nothing here runs anything.

The executor looks, applies and looks again, stage after stage: machines, nodes, trust, mpi,
storage. The engine is built by a verb of its own.
"""

from __future__ import annotations

from clusterkit import registry
from clusterkit.checks.same_versions import check_same_versions
from clusterkit.model.cluster import Cluster
from clusterkit.model.trust import Trust
from clusterkit.tasks.base import Facts, Stage, Task
from clusterkit.tasks.node_facts import LookAtNode
from clusterkit.tasks.own_storage import OwnStorage, OwnStorageGone, own_folder
from clusterkit.tasks.payload import Payload
from clusterkit.tasks.storage import SharedFolder

NOTHING: Facts = {}


def up_stages(cluster: Cluster, trust: Trust, remembered: Facts = NOTHING) -> tuple[Stage, ...]:
    """Everything that makes a cluster; ``remembered`` are the facts of an earlier look."""
    provider = registry.find("providers", cluster.provider)
    made = provider.up(cluster, trust)
    return (*made, mpi_stage(cluster, remembered), *storage_stages(cluster))


def down_stages(cluster: Cluster) -> tuple[Stage, ...]:
    """Everything that takes a cluster away; copies of models while nodes can still be asked."""
    provider = registry.find("providers", cluster.provider)
    return (*storage_gone(cluster), *provider.down(cluster))


def storage_gone(cluster: Cluster) -> tuple[Stage, ...]:
    """What was put on the nodes' own disks is taken away; storage that they share stays."""
    if cluster.storage.kind != "sync":
        return ()
    folder = own_folder(cluster)
    copies = tuple(
        OwnStorageGone(node.name, folder, cluster.name, needs_answer=node.container is None)
        for node in cluster.nodes
    )
    return (Stage("storage", copies),)


def mpi_stage(cluster: Cluster, remembered: Facts = NOTHING) -> Stage:
    """Every node has Python, Open MPI of one version and this version's payloads."""
    tasks: list[Task] = []
    for node in cluster.nodes:
        from_start = node.container is not None
        look = LookAtNode(node, remembered.get(node.name))
        tasks += [look, Payload(node.name, cluster.home_of(node.name), from_start)]
    return Stage("mpi", tuple(tasks), check_same_versions)


def storage_stages(cluster: Cluster) -> tuple[Stage, ...]:
    """Every node can write to the storage, and sees what the head made there.

    With ``sync`` each has its own, and none sees what another made.
    """
    if cluster.storage.kind == "sync":
        folder = own_folder(cluster)
        own = tuple(OwnStorage(node.name, folder, cluster.name) for node in cluster.nodes)
        return (Stage("storage", own),)
    path, head = cluster.storage.path, cluster.head.name
    several = len({node.login.user for node in cluster.nodes if node.login}) > 1
    stages = [Stage("storage", (SharedFolder(head, path, several_users=several),))]
    if others := tuple(SharedFolder(node.name, path, head, several) for node in cluster.nodes[1:]):
        stages.append(Stage("storage", others, after="storage"))
    return tuple(stages)

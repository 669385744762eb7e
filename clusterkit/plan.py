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
from clusterkit.tasks.payload import Payload
from clusterkit.tasks.storage import SharedFolder

NOTHING: Facts = {}


def up_stages(cluster: Cluster, trust: Trust, remembered: Facts = NOTHING) -> tuple[Stage, ...]:
    """Everything that makes a cluster; ``remembered`` are the facts of an earlier look."""
    provider = registry.find("providers", cluster.provider)
    made = provider.up(cluster, trust)
    return (*made, mpi_stage(cluster, remembered), *storage_stages(cluster))


def down_stages(cluster: Cluster) -> tuple[Stage, ...]:
    """Everything that takes a cluster away."""
    stages: tuple[Stage, ...] = registry.find("providers", cluster.provider).down(cluster)
    return stages


def mpi_stage(cluster: Cluster, remembered: Facts = NOTHING) -> Stage:
    """Every node has Python, Open MPI of one version and this version's payloads."""
    tasks: list[Task] = []
    for node in cluster.nodes:
        from_start = node.container is not None
        look = LookAtNode(node, remembered.get(node.name))
        tasks += [look, Payload(node.name, cluster.home_of(node.name), from_start)]
    return Stage("mpi", tuple(tasks), check_same_versions)


def storage_stages(cluster: Cluster) -> tuple[Stage, ...]:
    """Every node can write to the storage, and sees what the head made there."""
    path, head = cluster.storage.path, cluster.head.name
    # Nodes of several users write there, each what is its own.
    users = {node.login.user for node in cluster.nodes if node.login}
    mode = "1777" if len(users) > 1 else ""
    stages = [Stage("storage", (SharedFolder(head, path, mode=mode),))]
    if others := tuple(SharedFolder(node.name, path, head) for node in cluster.nodes[1:]):
        stages.append(Stage("storage", others, after="storage"))
    return tuple(stages)

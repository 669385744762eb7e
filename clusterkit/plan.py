"""The stages from an inventory to a cluster and back, as values; nothing here runs anything.

The executor looks, applies and looks again, stage after stage: machines, nodes, trust, mpi,
storage. The engine is built by a verb of its own.
"""

from __future__ import annotations

from clusterkit import registry
from clusterkit.checks.host_names import check_host_names
from clusterkit.checks.same_versions import check_same_versions
from clusterkit.model.cluster import Cluster
from clusterkit.model.former import Former
from clusterkit.model.trust import Trust
from clusterkit.tasks.base import Facts, Stage, Task
from clusterkit.tasks.nfs import NfsGone, NfsMounted, mounted_path
from clusterkit.tasks.node_facts import LookAtNode
from clusterkit.tasks.own_storage import OwnStorage, OwnStorageGone, copies_folder
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
    """What was put on the nodes' own disks, or mounted there, is taken away; the rest stays."""
    tasks: tuple[Task, ...] = ()
    if folder := copies_folder(cluster):
        tasks = tuple(
            OwnStorageGone(node.name, folder, cluster.name, needs_answer=node.container is None)
            for node in cluster.nodes
        )
    elif path := mounted_path(cluster):
        tasks = tuple(
            NfsGone(node.name, path, cluster.home_of(node.name)) for node in cluster.nodes
        )
    return (Stage("storage", tasks),) if tasks else ()


def former_stages(cluster: str, former: Former) -> tuple[Stage, ...]:
    """What takes a former node away: its key first, its folder, with the marks in it, last."""
    from clusterkit.providers import ssh  # few clusters have any

    storage: list[Task] = []
    if former.mounted and former.marked_in:
        storage.append(NfsGone(former.node, former.mounted, former.marked_in))
    if former.storage:
        storage.append(OwnStorageGone(former.node, former.storage, cluster))
    first, *rest = ssh.former(cluster, former) or (None,)
    return (Stage("former", tuple(task for task in (first, *storage, *rest) if task)),)


def mpi_stage(cluster: Cluster, remembered: Facts = NOTHING) -> Stage:
    """Every node has Python, Open MPI of one version and this version's payloads."""
    tasks: list[Task] = []
    for node in cluster.nodes:
        from_start = node.container is not None
        look = LookAtNode(node, remembered.get(node.name))
        tasks += [look, Payload(node.name, cluster.home_of(node.name), from_start)]
    return Stage("mpi", tuple(tasks), check_nodes_together)


def check_nodes_together(facts: Facts) -> None:
    """What no single node can know: one Open MPI, one engine, and names that mpirun takes.

    Raises:
        ClusterkitError: With what differs, or is named in a way that misleads.
    """
    check_same_versions(facts)
    check_host_names(facts)


def storage_stages(cluster: Cluster) -> tuple[Stage, ...]:
    """Every node can write to the storage, and sees what the head made there.

    With ``sync`` each has its own, and none sees what another made.
    """
    if folder := copies_folder(cluster):
        own = tuple(OwnStorage(node.name, folder, cluster.name) for node in cluster.nodes)
        return (Stage("storage", own),)
    path, head = cluster.storage.path, cluster.head.name
    several = len({node.login.user for node in cluster.nodes if node.login}) > 1
    stages = []
    if mounted_path(cluster):
        mounts = (
            NfsMounted(node.name, str(cluster.storage.source), path, cluster.home_of(node.name))
            for node in cluster.nodes
        )
        stages.append(Stage("storage", tuple(mounts)))
    head_makes = SharedFolder(head, path, several_users=several)
    stages.append(Stage("storage", (head_makes,), after=("storage",) if stages else ()))
    if others := tuple(SharedFolder(node.name, path, head, several) for node in cluster.nodes[1:]):
        stages.append(Stage("storage", others, after="storage"))
    return tuple(stages)

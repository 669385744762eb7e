"""One container on each machine, through that machine's own Docker engine."""

from __future__ import annotations

from dataclasses import replace

from clusterkit.checks.same_images import check_same_images
from clusterkit.model.cluster import Cluster
from clusterkit.model.trust import Trust
from clusterkit.providers.docker.containers import Containers
from clusterkit.providers.docker.gone import Gone
from clusterkit.providers.docker.login import SshdFiles, login_files
from clusterkit.providers.ssh.machine_image import MachineImage
from clusterkit.tasks.base import Stage, Task


def containers_up(cluster: Cluster, trust: Trust) -> tuple[Stage, ...]:
    """As on one Docker host, but that each machine is asked for itself; there is no network."""
    login: list[Task] = []
    for node in cluster.nodes:
        login += [SshdFiles(cluster, trust, node), login_files(cluster, trust, node)]
    return (
        Stage(
            "machines",
            tuple(MachineImage(cluster, node.name) for node in cluster.nodes),
            check_images=check_same_images,
        ),
        Stage(
            "nodes",
            tuple(Containers(cluster, trust, node.name, (node,)) for node in cluster.nodes),
        ),
        Stage("trust", tuple(login)),
    )


def containers_down(cluster: Cluster) -> tuple[Stage, ...]:
    """Every container of the cluster on each of its machines."""
    alone = {node.name: replace(cluster, nodes=(node,)) for node in cluster.nodes}
    gone = tuple(Gone(view, "containers", name) for name, view in alone.items())
    return (Stage("nodes", gone),)

"""One container on each machine, through that machine's own Docker engine."""

from __future__ import annotations

from dataclasses import replace

from clusterkit.checks.same_images import check_same_images
from clusterkit.model.cluster import Cluster, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.model.trust import Trust
from clusterkit.providers.docker.containers import Containers
from clusterkit.providers.docker.gone import Gone
from clusterkit.providers.docker.login import SshdFiles, login_files
from clusterkit.providers.docker.names import has_volume
from clusterkit.providers.docker.volume import Volume
from clusterkit.providers.ssh.machine_image import MachineImage
from clusterkit.tasks.base import Stage, Task


def containers_up(cluster: Cluster, trust: Trust) -> tuple[Stage, ...]:
    """As on one Docker host, but that each machine is asked for itself; there is no network."""
    alone = {node.name: replace(cluster, nodes=(node,)) for node in cluster.nodes}
    login: list[Task] = []
    for node in cluster.nodes:
        login += [SshdFiles(cluster, trust, node), login_files(cluster, trust, node)]
    return (
        Stage(
            "machines",
            (
                *(MachineImage(cluster, node.name) for node in cluster.nodes),
                *(Volume(view, name) for name, view in alone.items() if has_volume(view)),
            ),
            check_images=check_same_images,
        ),
        Stage(
            "nodes",
            tuple(Containers(cluster, trust, node.name, (node,)) for node in cluster.nodes),
        ),
        Stage("trust", tuple(login)),
    )


def containers_down(cluster: Cluster) -> tuple[Stage, ...]:
    """Every container of the cluster on each of its machines, and what only they used."""
    alone = {node.name: replace(cluster, nodes=(node,)) for node in cluster.nodes}
    containers = tuple(Gone(view, "containers", name) for name, view in alone.items())
    volumes = tuple(Gone(view, "volumes", name) for name, view in alone.items())
    return (Stage("nodes", containers), Stage("machines", volumes))


def machine_gone(cluster: str, node: str) -> tuple[Task, ...]:
    """All that a cluster has on the engine of a machine that is no part of it any more."""
    view = Cluster(cluster, "ssh", (), Storage("bind", "/"), EngineSettings())
    return (Gone(view, "containers", node), Gone(view, "volumes", node))

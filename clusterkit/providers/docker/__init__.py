"""Nodes are containers on one Docker host, on a network of their own, each with sshd.

Every object carries the label ``clusterkit.cluster``, so that nothing else is ever touched, and
``down`` finds all of it without any state.
"""

from __future__ import annotations

from clusterkit.model.cluster import Cluster
from clusterkit.model.trust import Trust
from clusterkit.providers.docker.containers import Containers
from clusterkit.providers.docker.gone import Gone
from clusterkit.providers.docker.image import Image
from clusterkit.providers.docker.login import SshdFiles, login_files
from clusterkit.providers.docker.network import Network
from clusterkit.providers.docker.rekey import rekey
from clusterkit.providers.docker.volume import Volume
from clusterkit.tasks.base import Stage, Task

__all__ = ["down", "kept", "rekey", "up"]


def up(cluster: Cluster, trust: Trust) -> tuple[Stage, ...]:
    """Image, network and storage; then containers; then who may log in where."""
    machines: tuple[Task, ...] = (Image(cluster), Network(cluster))
    if cluster.storage.kind == "volume":
        machines = (*machines, Volume(cluster))
    login: list[Task] = []
    for node in cluster.nodes:
        login += [SshdFiles(cluster, trust, node), login_files(cluster, trust, node)]
    return (
        Stage("machines", machines),
        Stage("nodes", (Containers(cluster, trust),)),
        Stage("trust", tuple(login)),
    )


def down(cluster: Cluster) -> tuple[Stage, ...]:
    """Containers first; networks and volumes can only go when nothing uses them."""
    return (
        Stage("nodes", (Gone(cluster, "containers"),)),
        Stage("machines", (Gone(cluster, "networks"), Gone(cluster, "volumes"))),
    )


def kept(cluster: Cluster) -> tuple[str, ...]:
    """What ``down`` leaves: a folder of the host that the user chose as storage."""
    return (cluster.storage.source,) if cluster.storage.source else ()

"""What a node's container is created from, and which parts of that have changed since."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from clusterkit.model.cluster import Cluster, Container, Node
from clusterkit.providers.docker.names import (
    NODE_LABEL,
    SPEC_LABEL,
    has_volume,
    labels,
    network_name,
    volume_name,
)
from clusterkit.providers.docker.sshd import sshd_command


def create_arguments(cluster: Cluster, node: Node) -> dict[str, Any]:
    """The arguments of the Docker operation ``create``.

    The label ``clusterkit.spec`` holds a digest of each, so that a later look can say what
    changed without showing values (an environment may hold secrets).
    """
    container = node.container or Container("")
    spec: dict[str, Any] = {
        "image": container.image,
        "hostname": node.name,
        "command": list(sshd_command(cluster)),
        "env": dict(container.env),
        **_place(cluster, node, container),
        "mounts": _mounts(cluster, container),
        "ports": list(container.ports),
        "shm_size": container.shm_size,
        "ipc": container.ipc,
        "ulimits": dict(container.ulimits),
        "gpus": list(node.gpus),
        "init": True,
    }
    if container.devices:
        spec["devices"] = list(container.devices)
    if cluster.lab:
        spec["capabilities"] = ["NET_ADMIN"]  # its own firewall and queues
        spec["tmpfs"] = {disk_path(cluster): f"size={cluster.lab.disk},mode=755,exec"}
    digests = {name: _digest(value) for name, value in spec.items()}
    marks = {NODE_LABEL: node.name, SPEC_LABEL: json.dumps(digests, sort_keys=True)}
    return spec | {"labels": labels(cluster) | marks}


def differing_fields(wanted: str, found: str | None) -> list[str]:
    """The names of the arguments whose digests differ between two labels."""
    if found is None:
        return ["everything"]
    new, old = json.loads(wanted), json.loads(found)
    return sorted(name for name in new.keys() | old.keys() if new.get(name) != old.get(name))


def disk_path(cluster: Cluster) -> str:
    """The folder of a lab's node that has a disk of its own: what jobs write."""
    return f"{cluster.home}/jobs"


def _place(cluster: Cluster, node: Node, container: Container) -> dict[str, Any]:
    """On which network it is, and where there."""
    if node.machine is None:
        return {"network": network_name(cluster), "address": node.address, "aliases": [node.name]}
    if container.network == "host":
        return {"network": "host", "address": None, "aliases": []}
    return {"network": container.network, "address": node.address, "aliases": [node.name]}


def _mounts(cluster: Cluster, container: Container) -> list[dict[str, Any]]:
    storage = cluster.storage
    shared: dict[str, Any] = {"type": "bind", "source": storage.source or storage.path}
    if has_volume(cluster):
        shared = {"type": "volume", "source": volume_name(cluster)}
    shared |= {"target": storage.path, "read_only": False}
    if shared["type"] == "bind":
        shared["create"] = True
    return [
        shared,
        *(
            {
                "type": "bind",
                "source": mount.source,
                "target": mount.path,
                "read_only": mount.read_only,
            }
            for mount in container.mounts
        ),
    ]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]

"""Ensure that the volume of a cluster whose storage is one is there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from clusterkit.command import HOST, DockerCall, DockerLook, Result, Step
from clusterkit.errors import NotOurs
from clusterkit.model.cluster import Cluster
from clusterkit.providers.docker.names import is_ours, labels, look_at, volume_name
from clusterkit.tasks.base import Change


@dataclass(frozen=True, slots=True)
class Volume:
    """The volume that all containers of one engine mount; it goes with the cluster.

    Of an NFS export the engine mounts what is on the server, which stays.
    """

    cluster: Cluster
    node: str = HOST
    needs_answer: bool = True

    def probe(self) -> DockerLook:
        """The volume, if it is there."""
        return look_at(self.cluster)

    def plan(self, seen: Result | None) -> Change:
        """Make the volume where it is missing."""
        name = volume_name(self.cluster)
        volumes = json.loads(seen.check().stdout)["volumes"] if seen else []
        for volume in volumes:
            if volume["name"] == name:
                if not is_ours(volume, self.cluster):
                    raise NotOurs(
                        f"a volume named {name} exists that clusterkit did not make. "
                        "Fix: rename the cluster, or remove that volume yourself"
                    )
                return Change(f"volume {name} is there")
        arguments: dict[str, Any] = {"labels": labels(self.cluster)}
        if source := self._export:
            arguments["options"] = nfs_options(source)
        elif lab := self.cluster.lab:
            arguments["options"] = {"type": "tmpfs", "device": "tmpfs", "o": f"size={lab.storage}"}
        create = DockerCall("volume", name, arguments)
        what = f"create volume {name}" + (f" of {source}" if source else "")
        return Change("create the volume", (Step(self.node, what, create, "+"),))

    @property
    def _export(self) -> str | None:
        storage = self.cluster.storage
        return storage.source if storage.kind == "nfs" else None


def nfs_options(source: str) -> dict[str, str]:
    """What Docker's own driver needs to mount an export; nothing on the machine helps it.

    The kernel alone does not settle with the server on a version, as mount.nfs does.
    """
    server, _, export = source.partition(":/")
    address = server.strip("[]")
    options = f"addr={address},rw,hard,nosuid,nodev,nfsvers=4"
    return {"type": "nfs", "o": options, "device": f":/{export}"}

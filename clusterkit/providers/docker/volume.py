"""Ensure that the volume of a cluster whose storage is one is there."""

from __future__ import annotations

import json
from dataclasses import dataclass

from clusterkit.command import HOST, DockerCall, DockerLook, Result, Step
from clusterkit.errors import NotOurs
from clusterkit.model.cluster import Cluster
from clusterkit.providers.docker.names import is_ours, labels, look_at, volume_name
from clusterkit.tasks.base import Change


@dataclass(frozen=True, slots=True)
class Volume:
    """One volume that all containers mount; it goes with the cluster."""

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
        create = DockerCall("volume", name, {"labels": labels(self.cluster)})
        return Change("create the volume", (Step(HOST, f"create volume {name}", create, "+"),))

"""Ensure that nothing of a cluster is left on the Docker host."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from clusterkit.command import HOST, DockerCall, DockerLook, DockerOperation, Result, Step
from clusterkit.model.cluster import Cluster
from clusterkit.providers.docker.names import (
    LOCK_LABEL,
    NODE_LABEL,
    container_name,
    has_volume,
    is_ours,
    label,
    labels,
    network_name,
    volume_name,
)
from clusterkit.tasks.base import Change

Kind = Literal["containers", "networks", "volumes"]
_REMOVE: dict[Kind, DockerOperation] = {
    "containers": "remove",
    "networks": "remove-network",
    "volumes": "remove-volume",
}


@dataclass(frozen=True, slots=True)
class Gone:
    """No object of one kind carries the cluster's label; the lock is not the cluster's."""

    cluster: Cluster
    kind: Kind
    node: str = HOST
    needs_answer: bool = True

    def probe(self) -> DockerLook:
        """Everything with the cluster's label."""
        return DockerLook(self.cluster.name)

    def plan(self, seen: Result | None) -> Change:
        """Remove what is found; None: what the inventory made, for ``--dry-run``."""
        found = json.loads(seen.check().stdout)[self.kind] if seen else self._made()
        steps = [
            Step(
                label(thing, NODE_LABEL) or self.node,
                f"remove {self.kind.removesuffix('s')} {thing['name']}",
                DockerCall(_REMOVE[self.kind], thing["name"]),
                "-",
            )
            for thing in found
            if is_ours(thing, self.cluster) and label(thing, LOCK_LABEL) is None
        ]
        return Change(f"no {self.kind} of {self.cluster.name} are left", tuple(steps))

    def _made(self) -> list[dict[str, Any]]:
        """What ``up`` makes of the inventory."""
        ours = labels(self.cluster)
        match self.kind:
            case "containers":
                return [
                    {
                        "name": container_name(self.cluster, node.name),
                        "labels": ours | {NODE_LABEL: node.name},
                    }
                    for node in self.cluster.nodes
                ]
            case "networks":
                return [{"name": network_name(self.cluster), "labels": ours}]
            case "volumes" if has_volume(self.cluster):
                return [{"name": volume_name(self.cluster), "labels": ours}]
        return []

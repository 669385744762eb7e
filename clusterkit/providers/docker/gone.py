"""Ensure that nothing of a cluster is left on the Docker host."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from clusterkit.command import HOST, DockerCall, DockerLook, DockerOperation, Result, Step
from clusterkit.model.cluster import Cluster
from clusterkit.providers.docker.names import LABEL, LOCK_LABEL, NODE_LABEL
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
        """Remove what is found."""
        found = json.loads(seen.check().stdout)[self.kind] if seen else []
        steps = [
            Step(
                thing["labels"].get(NODE_LABEL, HOST),
                f"remove {self.kind.removesuffix('s')} {thing['name']}",
                DockerCall(_REMOVE[self.kind], thing["name"]),
                "-",
            )
            for thing in found
            if thing["labels"].get(LABEL) == self.cluster.name
            and LOCK_LABEL not in thing["labels"]
        ]
        return Change(f"no {self.kind} of {self.cluster.name} are left", tuple(steps))

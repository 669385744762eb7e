"""Ensure that a machine has the image of its node, and tell which one that is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from clusterkit.command import DockerCall, DockerLook, Result
from clusterkit.errors import ClusterkitError
from clusterkit.model.cluster import Cluster
from clusterkit.providers.docker.image import Image
from clusterkit.tasks.base import Change


@dataclass(frozen=True, slots=True)
class MachineImage:
    """The image of one node, on the node's machine. One that is there is used as it is."""

    cluster: Cluster
    node: str
    needs_answer: bool = True

    def probe(self) -> DockerLook:
        """Whether it is there, and its id."""
        return self._alone.probe()

    def plan(self, seen: Result | None) -> Change:
        """Pull what is missing, or build it where there is only this machine."""
        change = self._alone.plan(seen)
        if len(self.cluster.nodes) > 1:
            self._refuse_builds(change)
        found = json.loads(seen.check().stdout)["images"] if seen else {}
        ids = {name: row["id"] for name, row in found.items() if row}
        return replace(change, images=ids)

    @property
    def _alone(self) -> Image:
        return Image(replace(self.cluster, nodes=(self.cluster.node(self.node),)), self.node)

    def _refuse_builds(self, change: Change) -> None:
        """No two builds are the same, and machines of one cluster want the same image."""
        for step in change.steps:
            if isinstance(step.action, DockerCall) and step.action.operation == "build":
                name = step.action.name
                raise ClusterkitError(
                    f"{self.node}: image {name} is not there, and to build it on each machine "
                    "would make a different one on each. Fix: build it here once (`docker build "
                    f"--tag {name}`), then `clusterkit images push {name} --inventory INVENTORY`"
                )

"""Ensure that the Docker host has the image of every node: used, built or pulled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from clusterkit.command import HOST, DockerCall, DockerLook, Result, Step
from clusterkit.model.cluster import Cluster, Container
from clusterkit.providers.docker.names import look_at
from clusterkit.tasks.base import Change


@dataclass(frozen=True, slots=True)
class Image:
    """The images of all nodes. One that is there is used as it is."""

    cluster: Cluster
    node: str = HOST
    needs_answer: bool = True

    def probe(self) -> DockerLook:
        """Which of the images are there."""
        return look_at(self.cluster)

    def plan(self, seen: Result | None) -> Change:
        """Build or pull what is missing."""
        present = json.loads(seen.check().stdout)["images"] if seen else {}
        steps = [
            _get(self.node, name, container)
            for name, container in dict(_images(self.cluster)).items()
            if not present.get(name)
        ]
        return Change(f"image {', '.join(dict(_images(self.cluster)))} is there", tuple(steps))


def _images(cluster: Cluster) -> Iterator[tuple[str, Container]]:
    for node in cluster.nodes:
        if node.container is not None:
            yield node.container.image, node.container


def _get(node: str, name: str, container: Container) -> Step:
    build = container.build
    if build is None:
        return Step(node, f"pull image {name}", DockerCall("pull", name), "+")
    arguments = {
        "context": build.context,
        "dockerfile": build.dockerfile,
        "args": dict(build.args),
        "network": build.network,
    }
    summary = f"build image {name} from {build.dockerfile}"
    return Step(node, summary, DockerCall("build", name, arguments), "+")

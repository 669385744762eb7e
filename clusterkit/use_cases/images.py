"""The images that the machines of a cluster have of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from clusterkit.command import HOST, Command, Step
from clusterkit.errors import ClusterkitError, UsageError, reason
from clusterkit.executor import on_each
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.images_options import ImagesOptions
from clusterkit.model.node_sets import select
from clusterkit.providers.docker.names import container_name, look_at
from clusterkit.results.images import ImageOnNode, ImagesResult
from clusterkit.transports.world import World
from clusterkit.use_cases.session import Session, open_world


def list_images(session: Session, options: ImagesOptions) -> ImagesResult:
    """Ask every engine; one that cannot be asked is a row with the reason."""
    began = time.monotonic()
    cluster = session.cluster
    refuse_without_containers(cluster)
    names = select(cluster, options.nodes)
    with open_world(session) as world:
        answers = on_each(names, lambda name: _look(cluster, name, options.image, world))
    rows = [row for name in names for row in _rows(cluster, name, options.image, answers[name])]
    return ImagesResult(cluster=cluster.name, images=tuple(rows), took_s=time.monotonic() - began)


def list_steps(session: Session, options: ImagesOptions) -> list[Step]:
    """The looks, not made; each is shown as the command that it amounts to."""
    cluster = session.cluster
    refuse_without_containers(cluster)
    return [
        Step(
            name if cluster.node(name).machine else HOST,
            f"look at {image}",
            Command(("docker", "image", "inspect", image)),
            stage="look",
        )
        for name in select(cluster, options.nodes)
        for image in _images(cluster.node(name), options.image)
    ]


def refuse_without_containers(cluster: Cluster) -> None:
    """Bare nodes have no images.

    Raises:
        UsageError: If no node of the cluster is a container.
    """
    if not any(node.container for node in cluster.nodes):
        raise UsageError(
            f"cluster {cluster.name} has no containers, and so no images. "
            "Fix: choose another one with `-c`"
        )


def _images(node: Node, image: str | None) -> tuple[str, ...]:
    """The image that is asked for, or the one of which the node is made."""
    if image is not None:
        return (image,)
    return (node.container.image,) if node.container else ()


def _look(cluster: Cluster, name: str, image: str | None, world: World) -> dict[str, Any]:
    node = cluster.node(name)
    question = replace(look_at(cluster, (node,)), images=_images(node, image))
    answer: dict[str, Any] = json.loads(world.engine(name).look(question).check().stdout)
    return answer


def _rows(
    cluster: Cluster,
    name: str,
    image: str | None,
    answer: Mapping[str, Any] | ClusterkitError,
) -> list[ImageOnNode]:
    wanted = _images(cluster.node(name), image)
    if isinstance(answer, ClusterkitError):
        why = reason(name, answer)
        return [ImageOnNode(node=name, image=each, id=None, error=why) for each in wanted]
    made_from = {box["name"]: box["image_id"] for box in answer["containers"]}
    runs = made_from.get(container_name(cluster, name)) if image is None else None
    rows = []
    for each in wanted:
        found = answer["images"][each] or {}
        rows.append(
            ImageOnNode(
                node=name,
                image=each,
                id=found.get("id"),
                digests=tuple(found.get("digests", ())),
                created=found.get("created"),
                size_bytes=found.get("size_bytes"),
                runs=runs,
            )
        )
    return rows

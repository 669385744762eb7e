"""Send an image to the machines of a cluster: read once, sent to all of them at once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from clusterkit.command import HOST, Command, DockerLook, Step
from clusterkit.errors import ClusterkitError, NodesFailed, UsageError
from clusterkit.events import Sink
from clusterkit.executor import on_each
from clusterkit.model.cluster import Cluster
from clusterkit.model.images_options import CONTROLLER, ImagesOptions, with_tag
from clusterkit.model.node_sets import select
from clusterkit.results.images import ImagesResult, Push
from clusterkit.transports.world import World
from clusterkit.use_cases.audit import audited
from clusterkit.use_cases.image_sending import LOAD, STAGE, Sending
from clusterkit.use_cases.images import refuse_without_containers
from clusterkit.use_cases.session import Session, open_world


def push(session: Session, options: ImagesOptions, *, sink: Sink) -> tuple[ImagesResult, int]:
    """Send the image to every machine that does not have it; the second value is the exit code.

    Ids are compared before and after. A machine that fails is told in its row, and the others go
    on. Ctrl-C ends what loads everywhere.

    Raises:
        ClusterkitError: If the source does not have the image, or cannot be asked.
    """
    began = time.monotonic()
    cluster, image = session.cluster, with_tag(str(options.image))
    source, targets = ends(cluster, options)
    with open_world(session) as world, audited(session, world, "images push", options) as noted:
        asked = on_each((source, *targets), lambda name: _seen(cluster, name, image, world))
        wanted = _wanted(asked[source], source, image)
        before = {name: asked[name] for name in targets}
        sending = Sending(world, source, image, wanted["id"], wanted["size_bytes"], sink)
        rows = sending.send(before, lambda name: _seen(cluster, name, image, world))
        noted.exit_code = _exit_code(sending.errors, len(rows))
    result = ImagesResult(
        cluster=cluster.name,
        push=Push(
            image=image,
            id=wanted["id"],
            size_bytes=wanted["size_bytes"],
            source=options.source,
            nodes=rows,
        ),
        took_s=time.monotonic() - began,
    )
    return result, noted.exit_code


def push_steps(session: Session, options: ImagesOptions) -> list[Step]:
    """What a machine that lacks the image would be sent; looks at nothing."""
    image = with_tag(str(options.image))
    source, targets = ends(session.cluster, options)
    save = Command(("docker", "save", image))
    return [
        Step(source, f"read {image} once", save, stage=STAGE),
        *(Step(name, f"load {image}", Command(LOAD), "+", STAGE) for name in targets),
    ]


def ends(cluster: Cluster, options: ImagesOptions) -> tuple[str, tuple[str, ...]]:
    """Where the image comes from, and the nodes whose machines are to have it.

    Raises:
        UsageError: If the nodes have no engines of their own, or none is left to send to.
    """
    refuse_without_containers(cluster)
    if not any(node.machine for node in cluster.nodes):
        raise UsageError(
            f"the nodes of cluster {cluster.name} are on one Docker engine, which has the images "
            "of all. Fix: nothing is to be sent; see `clusterkit images ls`"
        )
    names = tuple(select(cluster, options.nodes))
    if options.source == CONTROLLER:
        return HOST, names
    sources = select(cluster, options.source)
    if len(sources) != 1:
        raise UsageError(f"`--from {options.source}` means {len(sources)} nodes. Fix: name one")
    targets = tuple(name for name in names if name != sources[0])
    if not targets:
        raise UsageError(f"{sources[0]} is all of `{options.nodes}`. Fix: name other nodes")
    return sources[0], targets


def _seen(cluster: Cluster, name: str, image: str, world: World) -> dict[str, Any] | None:
    """The image as one engine has it; None: it has not."""
    answer = world.engine(name).look(DockerLook(cluster.name, images=(image,))).check()
    found: dict[str, Any] | None = json.loads(answer.stdout)["images"][image]
    return found


def _wanted(
    answer: Mapping[str, Any] | ClusterkitError | None, source: str, image: str
) -> Mapping[str, Any]:
    if isinstance(answer, ClusterkitError):
        raise answer
    if answer is None:
        where = "here" if source == HOST else f"on {source}"
        raise ClusterkitError(
            f"there is no image {image} {where}. Fix: build or pull it {where}, or say with "
            "`--from` which node has it"
        )
    return answer


def _exit_code(errors: Mapping[str, ClusterkitError], asked: int) -> int:
    return NodesFailed(errors, succeeded=asked - len(errors)).exit_code if errors else 0

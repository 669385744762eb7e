"""Of a job that lost a node: ask the engine what became of the node's container."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import replace

from clusterkit.command import DockerLook
from clusterkit.errors import ClusterkitError
from clusterkit.jobs import JobEnd, JobNode
from clusterkit.payloads.causes import cause
from clusterkit.providers.docker.states import how_ended
from clusterkit.transports.world import World

_LOSSES = ("node-lost", "supervisor-lost")
_FIX = "Fix: `clusterkit up INVENTORY` has it run again"


def with_container(end: JobEnd, cluster: str, nodes: Sequence[JobNode], world: World) -> JobEnd:
    """The end with the reason that the node's engine knows; as it was where there is none."""
    lost = end.cause or {}
    node = next((node for node in nodes if node.name == lost.get("node")), None)
    if lost.get("kind") not in _LOSSES or node is None or node.container is None:
        return end
    with contextlib.suppress(ClusterkitError, ValueError):
        look = DockerLook(cluster, names=(node.container,))
        seen = json.loads(world.perform(node.name, look).check().stdout)["containers"]
        box = next((box for box in seen if box["name"] == node.container), None)
        if why := how_ended(box):
            first, *rest = end.message.splitlines()
            message = "\n".join([f"{first}; {why}", *rest, _FIX])
            code = box["exit_code"] if box and box["state"] == "exited" else None
            kind = "out-of-memory" if box and box["out_of_memory"] else "container"
            by = cause(kind, node=node.name, exit_code=code)
            return replace(end, message=message, cause=by)
    return end

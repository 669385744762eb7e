"""What a look at the Docker host says of a cluster: the state of each node, and what is ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterkit.model.cluster import Cluster
from clusterkit.providers.docker.names import container_name, is_ours

_WORDS = {"running": "up", "exited": "stopped", "created": "stopped", None: "missing"}
_KILLED = 128 + 9
_KINDS = ("containers", "networks", "volumes")


def node_states(cluster: Cluster, answer: Mapping[str, Any]) -> dict[str, str]:
    """Each node of the inventory: up, stopped, missing, or what else Docker calls it (paused)."""
    found = {box["name"]: box["state"] for box in answer["containers"]}
    states = {node.name: found.get(container_name(cluster, node.name)) for node in cluster.nodes}
    return {name: _WORDS.get(state, str(state)) for name, state in states.items()}


def how_ended(container: Mapping[str, Any] | None) -> str | None:
    """Why nobody answers from a container, as its engine tells it; None: it runs."""
    if container is None:
        return "its container is gone"
    if container["state"] == "running":
        return None
    if container["state"] != "exited":
        return f"its container is {container['state']}"
    code = container["exit_code"]
    words = f"its container exited with {code}"
    if container["out_of_memory"]:
        return f"{words}: it was killed for lack of memory"
    return f"{words} (SIGKILL)" if code == _KILLED else words


def our_objects(cluster: Cluster, answer: Mapping[str, Any]) -> set[str]:
    """The names of everything there that clusterkit made for this cluster."""
    return {thing["name"] for kind in _KINDS for thing in answer[kind] if is_ours(thing, cluster)}

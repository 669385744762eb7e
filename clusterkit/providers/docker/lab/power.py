"""Faults of whole containers, made by the engine: killed, paused, off the network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clusterkit.command import DockerCall, DockerLook, Result, Step
from clusterkit.errors import ClusterkitError, NotOurs
from clusterkit.model.cluster import Cluster
from clusterkit.model.fault import Fault, FaultKind
from clusterkit.providers.docker.lab.of_fault import OfFault
from clusterkit.providers.docker.names import (
    LAB_LABEL,
    container_name,
    is_ours,
    label,
    look_at,
    network_name,
)
from clusterkit.tasks.base import Change

KINDS: tuple[FaultKind, ...] = ("kill-node", "pause", "cut")
"""What is told of a container by the engine."""


@dataclass(frozen=True, slots=True)
class Power(OfFault):
    """One container has such a fault; with ``undone``, it has it no more."""

    def probe(self) -> DockerLook:
        """The container."""
        return look_at(self.cluster, (self.cluster.node(self.node),))

    def plan(self, seen: Result | None) -> Change:
        """Make it or undo it, where it is not so."""
        name = container_name(self.cluster, self.node)
        if seen is not None:
            box = _container(self.cluster, name, json.loads(seen.check().stdout))
            if (self.fault in power_faults(self.cluster, [box])) != self.undone:
                return Change(f"{self.fault}: {'healed' if self.undone else 'made'}")
        operation, what = _CALLS[self.fault.kind][self.undone]
        call = DockerCall(operation, name, _arguments(self.cluster, self.node, operation))
        return Change(str(self.fault), (Step(self.node, f"{what} {name}", call),))


_CALLS: dict[FaultKind, tuple[tuple[Any, str], tuple[Any, str]]] = {
    "kill-node": (("kill", "kill container"), ("start", "start container")),
    "pause": (("pause", "pause container"), ("unpause", "let go on container")),
    "cut": (
        ("disconnect", "take off the network container"),
        ("connect", "put back on the network container"),
    ),
}
"""How each is made, and how undone."""


def power_faults(cluster: Cluster, boxes: list[Mapping[str, Any]]) -> tuple[Fault, ...]:
    """The faults of a lab's containers as the engine tells of them."""
    found: list[Fault] = []
    by_name = {box["name"]: box for box in boxes}
    for node in cluster.nodes:
        box = by_name.get(container_name(cluster, node.name))
        if box is None:
            continue
        if box["state"] in ("exited", "dead"):
            found.append(Fault("kill-node", node.name))
            continue
        if box["state"] == "paused":
            found.append(Fault("pause", node.name))
        if network_name(cluster) not in box["addresses"]:
            found.append(Fault("cut", node.name))
    return tuple(found)


def _container(cluster: Cluster, name: str, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The container of that name, if it is a lab's.

    Raises:
        ClusterkitError: If there is none.
        NotOurs: If it is no lab's: whatever a file says, nothing else is ever broken.
    """
    for box in answer["containers"]:
        if box["name"] == name:
            if not is_ours(box, cluster) or label(box, LAB_LABEL) is None:
                raise NotOurs(
                    f"container {name} was not made by `lab up`: faults are made in labs only. "
                    "Fix: make a lab with `clusterkit lab up`"
                )
            found: Mapping[str, Any] = box
            return found
    raise ClusterkitError(f"there is no container {name}. Fix: make it with `clusterkit lab up`")


def _arguments(cluster: Cluster, node: str, operation: str) -> dict[str, Any]:
    if operation not in ("connect", "disconnect"):
        return {}
    place = {"network": network_name(cluster)}
    if operation == "disconnect":
        return place
    return place | {"address": cluster.node(node).address, "aliases": [node]}

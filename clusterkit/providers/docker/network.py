"""Ensure that the cluster network is there, with its subnet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from clusterkit.command import HOST, DockerCall, DockerLook, Result, Step
from clusterkit.errors import ClusterkitError, NotOurs
from clusterkit.model.cluster import Cluster
from clusterkit.providers.docker.names import is_ours, labels, look_at, network_name
from clusterkit.tasks.base import Change


@dataclass(frozen=True, slots=True)
class Network:
    """One bridge network for all containers of the cluster."""

    cluster: Cluster
    node: str = HOST
    needs_answer: bool = True

    def probe(self) -> DockerLook:
        """All networks of the engine: another's subnet may be in the way."""
        return look_at(self.cluster)

    def plan(self, seen: Result | None) -> Change:
        """Make the network. One of ours with another subnet is replaced, containers first."""
        name, subnet = network_name(self.cluster), str(self.cluster.subnet)
        create = Step(
            HOST,
            f"create network {name} ({subnet})",
            DockerCall("network", name, {"subnet": subnet, "labels": labels(self.cluster)}),
            "+",
        )
        if seen is None:
            return Change("create the network", (create,))
        answer = json.loads(seen.check().stdout)
        found = {network["name"]: network for network in answer["networks"]}
        present = found.pop(name, None)
        if present and not is_ours(present, self.cluster):
            raise NotOurs(
                f"a network named {name} exists that clusterkit did not make. "
                "Fix: rename the cluster, or remove that network yourself"
            )
        for other in found.values():
            _check_overlap(subnet, other)
        if present is None:
            return Change("create the network", (create,))
        if present["subnets"] == [subnet]:
            return Change(f"network {name} is {subnet}")
        return Change(
            "replace the network", (*_remove(self.cluster, name, answer["containers"]), create)
        )


def _check_overlap(subnet: str, other: dict[str, Any]) -> None:
    """Raise where another network has a part of ``subnet``; Docker says less about it."""
    for taken in other["subnets"] or ():
        theirs, ours = ip_network(taken, strict=False), ip_network(subnet)
        if theirs.version == ours.version and theirs.overlaps(ours):
            raise ClusterkitError(
                f"subnet {subnet} is taken: the Docker network {other['name']} has {taken}. "
                "Fix: choose another `network.subnet` in the inventory (and its addresses)"
            )


def _remove(cluster: Cluster, name: str, containers: list[dict[str, Any]]) -> tuple[Step, ...]:
    """A network can only go when no container uses it."""
    gone = [
        Step(HOST, f"remove container {box['name']}", DockerCall("remove", box["name"]), "-")
        for box in containers
        if is_ours(box, cluster)
    ]
    return (*gone, Step(HOST, f"remove network {name}", DockerCall("remove-network", name), "-"))

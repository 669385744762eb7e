"""Ensure that every node's container runs as the inventory says, and that no other one does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clusterkit.command import HOST, DockerCall, DockerLook, Result, Step
from clusterkit.errors import NotOurs
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.trust import Trust
from clusterkit.providers.docker.login import login_files
from clusterkit.providers.docker.names import (
    NODE_LABEL,
    SPEC_LABEL,
    container_name,
    is_ours,
    label,
    look_at,
    network_name,
)
from clusterkit.providers.docker.spec import create_arguments, differing_fields
from clusterkit.providers.docker.sshd import sshd_files
from clusterkit.tasks.base import Change
from clusterkit.tasks.payload import payload_files


@dataclass(frozen=True, slots=True)
class Containers:
    """All containers of the cluster, looked at in one round trip.

    A container is made with its files, through the Docker API: what sshd needs, because nobody
    can log in before, and the rest with it, because one archive costs less than many logins.
    ``only`` are the nodes of one machine, where each machine has an engine of its own.
    """

    cluster: Cluster
    trust: Trust
    node: str = HOST
    only: tuple[Node, ...] | None = None
    needs_answer: bool = True

    def probe(self) -> DockerLook:
        """The containers and their images."""
        return look_at(self.cluster, self.only)

    def plan(self, seen: Result | None) -> Change:
        """Create, recreate, start or mend each container; remove those of former nodes."""
        answer = json.loads(seen.check().stdout) if seen else _NOTHING
        found = {box["name"]: box for box in answer["containers"]}
        if self._network_is_replaced(answer):  # which removes all of ours first
            found = {name: box for name, box in found.items() if not is_ours(box, self.cluster)}
        steps: list[Step] = []
        for node in self._nodes:
            box = found.pop(container_name(self.cluster, node.name), None)
            steps += self._steps(node, box, answer)
        for name, box in found.items():
            if is_ours(box, self.cluster):
                former = label(box, NODE_LABEL) or self.node
                steps.append(_remove(former, name, "it is no node of the cluster"))
        count = len(self._nodes)
        return Change(f"{count} container{'s' * (count != 1)} run", tuple(steps))

    @property
    def _nodes(self) -> tuple[Node, ...]:
        return self.cluster.nodes if self.only is None else self.only

    def _network_is_replaced(self, answer: Mapping[str, Any]) -> bool:
        """Whether this is a plan, in which the network is still that of a former subnet."""
        name, subnet = network_name(self.cluster), str(self.cluster.subnet)
        return any(
            network["name"] == name and network["subnets"] != [subnet]
            for network in answer["networks"]
        )

    def _steps(
        self, node: Node, box: Mapping[str, Any] | None, answer: Mapping[str, Any]
    ) -> list[Step]:
        """What one node's container needs."""
        name = container_name(self.cluster, node.name)
        if box is None:
            return self._create(node)
        if not is_ours(box, self.cluster):
            raise NotOurs(
                f"{node.name}: a container named {name} exists that clusterkit did not make. "
                "Fix: rename the cluster, or remove that container yourself"
            )
        wanted = create_arguments(self.cluster, node)
        changed = differing_fields(wanted["labels"][SPEC_LABEL], label(box, SPEC_LABEL))
        image = answer["images"].get(wanted["image"])
        if image and image["id"] != box["image_id"] and "image" not in changed:
            changed.append("image")
        if changed:
            return [_remove(node.name, name, f"{', '.join(changed)} changed"), *self._create(node)]
        network, address = wanted["network"], wanted["address"]
        if (box["addresses"].get(network) or None) != address:
            why = f"is not at {address} on network {network}"
            return [_remove(node.name, name, why), *self._create(node)]
        if box["state"] == "created":  # an `up` may have been killed before it got its files
            return [_remove(node.name, name, "it never ran"), *self._create(node)]
        return _awake(node, box)

    def _create(self, node: Node) -> list[Step]:
        name = container_name(self.cluster, node.name)
        arguments = create_arguments(self.cluster, node)
        files = (
            *sshd_files(self.cluster, self.trust, node),
            *login_files(self.cluster, self.trust, node).files,
            *payload_files(self.cluster.home_of(node.name)),
        )
        create = DockerCall("create", name, arguments, files)
        return [
            Step(node.name, f"create container {name} from {arguments['image']}", create, "+"),
            Step(node.name, f"start container {name}", _start(name, node), "+"),
        ]


_NOTHING: dict[str, Any] = {"networks": [], "containers": [], "images": {}}


def _remove(node: str, name: str, why: str) -> Step:
    return Step(node, f"remove container {name}: {why}", DockerCall("remove", name), "-")


def _start(name: str, node: Node) -> DockerCall:
    """Start it; where it has its machine's network, its port must be free there."""
    if node.login is None or node.container is None or node.container.network != "host":
        return DockerCall("start", name)
    return DockerCall(
        "start", name, {"listens": {"address": node.address, "port": node.login.port}}
    )


def _awake(node: Node, box: Mapping[str, Any]) -> list[Step]:
    """What makes a container run that does not."""
    name, state = box["name"], box["state"]
    if state == "running":
        return []
    if state == "paused":
        restart = DockerCall("restart", name)
        return [Step(node.name, f"restart container {name}: it is paused", restart)]
    return [Step(node.name, f"start container {name}: it is {state}", _start(name, node))]

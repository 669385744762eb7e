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
from clusterkit.providers.docker.names import (
    NODE_LABEL,
    SPEC_LABEL,
    container_name,
    is_ours,
    label,
    network_name,
)
from clusterkit.providers.docker.spec import create_arguments, differing_fields
from clusterkit.providers.docker.sshd import sshd_files, sshd_folder
from clusterkit.tasks.base import Change
from clusterkit.tasks.files import difference


@dataclass(frozen=True, slots=True)
class Containers:
    """All containers of the cluster, looked at in one round trip.

    The keys that sshd needs are put through the Docker API, because nobody can log in before.
    """

    cluster: Cluster
    trust: Trust
    node: str = HOST
    needs_answer: bool = True

    def probe(self) -> DockerLook:
        """The containers, their images, and the files of sshd in them."""
        names = tuple(container_name(self.cluster, node.name) for node in self.cluster.nodes)
        images = {node.container.image for node in self.cluster.nodes if node.container}
        return DockerLook(
            self.cluster.name, names, tuple(sorted(images)), sshd_folder(self.cluster)
        )

    def plan(self, seen: Result | None) -> Change:
        """Create, recreate, start or mend each container; remove those of former nodes."""
        answer = json.loads(seen.check().stdout) if seen else _NOTHING
        found = {box["name"]: box for box in answer["containers"]}
        if self._network_is_replaced(answer):  # which removes all of ours first
            found = {name: box for name, box in found.items() if not is_ours(box, self.cluster)}
        steps: list[Step] = []
        for node in self.cluster.nodes:
            box = found.pop(container_name(self.cluster, node.name), None)
            steps += self._steps(node, box, answer)
        for name, box in found.items():
            if is_ours(box, self.cluster):
                former = label(box, NODE_LABEL) or HOST
                steps.append(_remove(former, name, "is not in the inventory"))
        count = len(self.cluster.nodes)
        return Change(f"{count} container{'s' * (count != 1)} run", tuple(steps))

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
        if box["addresses"].get(wanted["network"]) != node.address:
            why = f"is not at {node.address} on network {wanted['network']}"
            return [_remove(node.name, name, why), *self._create(node)]
        return self._mend(node, box, answer["files"].get(name) or {})

    def _create(self, node: Node) -> list[Step]:
        name = container_name(self.cluster, node.name)
        arguments = create_arguments(self.cluster, node)
        create = DockerCall("create", name, arguments, sshd_files(self.cluster, self.trust, node))
        return [
            Step(node.name, f"create container {name} from {arguments['image']}", create, "+"),
            Step(node.name, f"start container {name}", DockerCall("start", name), "+"),
        ]

    def _mend(
        self, node: Node, box: Mapping[str, Any], files: Mapping[str, list[str]]
    ) -> list[Step]:
        """Put back what differs of sshd's files; start it, or restart it to read them."""
        name = container_name(self.cluster, node.name)
        differing = [
            (file, summary)
            for file in sshd_files(self.cluster, self.trust, node)
            if (summary := difference(file, *files.get(file.path, (None, None))))
        ]
        steps = [
            Step(node.name, summary, DockerCall("put", name, files=(file,)))
            for file, summary in differing
        ]
        if box["state"] == "paused":
            steps.append(_restart(node.name, name, "it is paused"))
        elif box["state"] != "running":
            start = DockerCall("start", name)
            steps.append(Step(node.name, f"start container {name}: it is {box['state']}", start))
        elif differing:
            steps.append(_restart(node.name, name, "sshd reads its files when it starts"))
        return steps


_NOTHING: dict[str, Any] = {"networks": [], "containers": [], "images": {}, "files": {}}


def _remove(node: str, name: str, why: str) -> Step:
    return Step(node, f"remove container {name}: {why}", DockerCall("remove", name), "-")


def _restart(node: str, name: str, why: str) -> Step:
    return Step(node, f"restart container {name}: {why}", DockerCall("restart", name))

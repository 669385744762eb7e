"""What a Docker engine tells, and the steps that are planned from it."""

from __future__ import annotations

import json

from clusterkit.command import HOST, DockerCall, Result, Step
from clusterkit.providers.docker.containers import Containers
from clusterkit.providers.docker.login import login_files
from clusterkit.providers.docker.spec import create_arguments
from clusterkit.providers.docker.sshd import sshd_files
from clusterkit.tasks.payload import payload_files
from tests.unit.pair import pair, trust

PAIR = pair()
SPEC = "clusterkit.spec"
SUBNET = "192.168.123.0/24"


def answer(task, **found) -> Result:
    """What the engine says to the task's question, as transports/docker_look.py writes it."""
    nothing = {"networks": [], "containers": [], "volumes": [], "images": {}}
    return Result(HOST, task.probe(), 0, json.dumps(nothing | found))


def box(cluster, one, **changes) -> dict:
    """The container of a node, running as the inventory says."""
    arguments = create_arguments(cluster, one)
    return {
        "name": f"{cluster.name}-{one.name}",
        "id": f"id of {one.name}",
        "labels": arguments["labels"],
        "state": "running",
        "exit_code": 0,
        "image": arguments["image"],
        "image_id": "sha256:1",
        "addresses": {arguments["network"]: one.address},
        "started_at": "2026-01-01T00:00:00Z",
    } | changes


def right(cluster, **changes) -> dict:
    """What is found when everything is as it should be."""
    return {
        "containers": [box(cluster, one) for one in cluster.nodes],
        "images": {"clusterkit/node-cpu": {"id": "sha256:1", "labels": {}, "created": ""}},
    } | changes


def planned(cluster=PAIR, **changes) -> tuple[Step, ...]:
    task = Containers(cluster, trust(cluster))
    return task.plan(answer(task, **right(cluster, **changes))).steps


def created(cluster, one) -> tuple[Step, Step]:
    name = f"{cluster.name}-{one.name}"
    arguments = create_arguments(cluster, one)
    files = (
        *sshd_files(cluster, trust(cluster), one),
        *login_files(cluster, trust(cluster), one).files,
        *payload_files(cluster.home),
    )
    create = DockerCall("create", name, arguments, files)
    return (
        Step(one.name, f"create container {name} from {arguments['image']}", create, "+"),
        Step(one.name, f"start container {name}", DockerCall("start", name), "+"),
    )


def removed(one: str, why: str) -> Step:
    name = f"pair-{one}"
    return Step(one, f"remove container {name}: {why}", DockerCall("remove", name), "-")


def restarted(one: str, why: str) -> Step:
    name = f"pair-{one}"
    return Step(one, f"restart container {name}: {why}", DockerCall("restart", name))


def network(name="clusterkit-pair", subnets=(SUBNET,), **changes) -> dict:
    labels = {"clusterkit.cluster": "pair"} if name == "clusterkit-pair" else {}
    return {
        "name": name,
        "id": "1",
        "labels": labels,
        "subnets": subnets and list(subnets),
    } | changes

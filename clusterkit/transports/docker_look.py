"""Look at what a Docker engine has, in as few and as parallel requests as there can be."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import docker
import docker.errors

from clusterkit.command import DockerLook
from clusterkit.providers.docker.names import LABEL, LOCKS_LABEL

_REQUESTS_AT_ONCE = 16

Row = dict[str, Any]


def look(client: docker.APIClient, question: DockerLook) -> Row:
    """The answer to ``question``, as :class:`DockerLook` describes it."""
    with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
        networks = pool.submit(client.networks)
        volumes = pool.submit(client.volumes)
        images = {name: pool.submit(_image, client, name) for name in question.images}
        known = {row["Id"] for row in networks.result()}
        containers = _containers(client, question, pool, known)
        return {
            "networks": [_network(row) for row in networks.result()],
            "containers": containers,
            "volumes": [
                {"name": row["Name"], "labels": row["Labels"] or {}}
                for row in volumes.result()["Volumes"] or []
                if _is_asked(question, row["Name"], row["Labels"])
            ],
            "images": {name: image.result() for name, image in images.items()},
        }


def _is_asked(question: DockerLook, name: str, labels: dict[str, str] | None) -> bool:
    ours = labels or {}
    if question.cluster is None:
        return LABEL in ours or LOCKS_LABEL in ours
    return name in question.names or ours.get(LABEL) == question.cluster


def _network(row: Row) -> Row:
    pools = (row.get("IPAM") or {}).get("Config") or []
    return {
        "name": row["Name"],
        "id": row["Id"],
        "labels": row["Labels"] or {},
        "subnets": [pool["Subnet"] for pool in pools if pool.get("Subnet")],
    }


def _image(client: Any, name: str) -> Row | None:
    try:
        row = client.inspect_image(name)
    except docker.errors.NotFound:
        return None
    labels = (row.get("Config") or {}).get("Labels") or {}
    return {
        "id": row["Id"],
        "labels": labels,
        "created": row["Created"],
        "size_bytes": row["Size"],
        "digests": row.get("RepoDigests") or [],
    }


def _containers(
    client: docker.APIClient, question: DockerLook, pool: Executor, networks: set[str]
) -> list[Row]:
    asked = [
        row["Id"]
        for row in client.containers(all=True)
        if any(_is_asked(question, name[1:], row["Labels"]) for name in row["Names"] or ["/"])
    ]
    seen = pool.map(lambda number: _container(client, number, networks), asked)
    return sorted((row for row in seen if row is not None), key=lambda row: str(row["name"]))


def _container(client: docker.APIClient, number: str, known: set[str]) -> Row | None:
    try:
        row = client.inspect_container(number)
    except docker.errors.NotFound:  # removed since the list was made
        return None
    networks = row["NetworkSettings"]["Networks"] or {}
    return {
        "name": row["Name"][1:],
        "id": row["Id"],
        "labels": row["Config"]["Labels"] or {},
        "state": row["State"]["Status"],
        "out_of_memory": bool(row["State"].get("OOMKilled")),
        "exit_code": row["State"]["ExitCode"],
        "image": row["Config"]["Image"],
        "image_id": row["Image"],
        # One that is stopped still names a network that was removed since; one that never ran
        # has no number of a network yet.
        "addresses": {
            name: _address(endpoint)
            for name, endpoint in networks.items()
            if endpoint["NetworkID"] in {"", *known}
        },
        "started_at": row["State"]["StartedAt"],
    }


def _address(endpoint: Row) -> str:
    """The address it has or, where it does not run, the one that it will have."""
    fixed = (endpoint.get("IPAMConfig") or {}).get("IPv4Address")
    return str(endpoint.get("IPAddress") or fixed or "")

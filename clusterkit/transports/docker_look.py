"""Look at what a Docker engine has, in as few and as parallel requests as there can be."""

from __future__ import annotations

import hashlib
import io
import tarfile
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import Any

import docker
import docker.errors

from clusterkit.command import DockerLook
from clusterkit.providers.docker.names import LABEL

_REQUESTS_AT_ONCE = 16

Row = dict[str, Any]


def look(client: docker.APIClient, question: DockerLook) -> Row:
    """The answer to ``question``, as :class:`DockerLook` describes it."""
    with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
        engine = pool.submit(client.info)
        networks = pool.submit(client.networks)
        volumes = pool.submit(client.volumes)
        images = {name: pool.submit(_image, client, name) for name in question.images}
        known = {row["Id"] for row in networks.result()}
        containers = _containers(client, question, pool, known)
        return {
            "engine": _engine(engine.result()),
            "networks": [_network(row) for row in networks.result()],
            "containers": containers,
            "volumes": [
                {"name": row["Name"], "labels": row["Labels"] or {}}
                for row in volumes.result()["Volumes"] or []
                if _is_asked(question, row["Name"], row["Labels"])
            ],
            "images": {name: image.result() for name, image in images.items()},
            "files": _files(client, question, containers, pool),
        }


def _is_asked(question: DockerLook, name: str, labels: dict[str, str] | None) -> bool:
    return name in question.names or (labels or {}).get(LABEL) == question.cluster


def _engine(row: Row) -> Row:
    return {
        "version": row["ServerVersion"],
        "runtimes": sorted(row["Runtimes"] or {}),
        "kernel": row["KernelVersion"],
        "cores": row["NCPU"],
        "memory_bytes": row["MemTotal"],
        "operating_system": row["OperatingSystem"],
        "host": row["Name"],
    }


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
    return {"id": row["Id"], "labels": labels, "created": row["Created"]}


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


def _files(
    client: docker.APIClient, question: DockerLook, containers: list[Row], pool: Executor
) -> dict[str, dict[str, list[str]]]:
    folder = question.folder
    if folder is None:
        return {}
    names = [row["name"] for row in containers if row["labels"].get(LABEL) == question.cluster]
    found = pool.map(lambda name: _folder(client, name, folder), names)
    return {name: files for name, files in zip(names, found, strict=True) if files is not None}


def _folder(client: docker.APIClient, name: str, folder: str) -> dict[str, list[str]] | None:
    """Mode and sha256 of every file in ``folder``; None where there is no such folder."""
    try:
        chunks, _ = client.get_archive(name, folder)
    except docker.errors.NotFound:
        return None
    parent = PurePosixPath(folder).parent
    files = {}
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        for member in archive:
            if member.isfile() and (file := archive.extractfile(member)):
                digest = hashlib.sha256(file.read()).hexdigest()
                files[str(parent / member.name)] = [f"{member.mode & 0o7777:o}", digest]
    return files

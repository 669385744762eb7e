"""Apply steps to a Docker engine through its SDK."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import docker.errors
import docker.types
from docker.utils.ports import build_port_bindings

from clusterkit.command import HOST, DockerCall, DockerLook, Put, Result
from clusterkit.transports.docker_client import connect, no_answer
from clusterkit.transports.docker_errors import build_failed, not_pulled, translated
from clusterkit.transports.docker_look import look
from clusterkit.transports.docker_running import RUNNING, OnProgress, Operation

_PIECE_BYTES = 1 << 20


class DockerEngine:
    """One Docker engine: the one that DOCKER_HOST names, this machine's own, or a node's.

    Nothing is connected before it is used; any number of threads may use it.
    """

    def __init__(
        self, node: str = HOST, open_client: Callable[[], docker.APIClient] = connect
    ) -> None:
        self._node, self._open_client = node, open_client
        self._opening = threading.Lock()
        self._opened: docker.APIClient | None = None

    def look(self, question: DockerLook) -> Result:
        """Answer in JSON, and change nothing."""
        with translated(question, self._node, self._no_answer):
            answer = look(self._client(), question)
        return Result(self._node, question, 0, json.dumps(answer))

    def apply(self, call: DockerCall, on_progress: OnProgress | None = None) -> Result:
        """Do what ``call`` asks; stdout says what it made: an id, or JSON for a volume.

        Raises:
            NotOurs: If something else has the name already.
            ClusterkitError: If the engine refuses, with what to do about it.
        """
        with translated(call, self._node, self._no_answer):
            made = _OPERATIONS[call.operation](self._client(), call, on_progress or _ignore)
        return Result(self._node, call, 0, made)

    def volumes_named(self, prefix: str) -> dict[str, tuple[dict[str, str], float]]:
        """The volumes whose names begin so: their labels, and when they were made."""
        question = DockerLook(prefix)
        with translated(question, self._node, self._no_answer):
            rows = self._client().volumes(filters={"name": prefix})["Volumes"] or []
        return {
            row["Name"]: (row["Labels"] or {}, _seconds(row["CreatedAt"]))
            for row in rows
            if row["Name"].startswith(prefix)
        }

    def clock_s(self) -> float:
        """What time it is there, in seconds since 1970."""
        question = DockerLook("clock")
        with translated(question, self._node, self._no_answer):
            return _seconds(self._client().info()["SystemTime"])

    def save(self, image: str) -> Iterator[bytes]:
        """One image with all of its layers, as ``docker save`` writes it."""
        question = DockerLook(image)
        with translated(question, self._node, self._no_answer):
            yield from self._client().get_image(image, chunk_size=_PIECE_BYTES)

    def close(self) -> None:
        """Give back the connections."""
        with self._opening:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _no_answer(self, error: BaseException) -> str:
        return no_answer(error)

    def _client(self) -> docker.APIClient:
        with self._opening:
            if self._opened is None:
                self._opened = self._open_client()
            return self._opened


def _seconds(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()


def _ignore(line: str) -> None:
    del line


def _build(client: docker.APIClient, call: DockerCall, on_progress: OnProgress) -> str:
    """Build with the classic builder, which every engine has."""
    arguments = call.arguments
    log: list[str] = []
    image = ""
    for row in client.build(
        path=arguments["context"],
        dockerfile=arguments.get("dockerfile"),
        tag=call.name,
        buildargs=dict(arguments.get("args") or {}),
        labels=dict(arguments.get("labels") or {}),
        network_mode=arguments.get("network"),
        rm=True,
        forcerm=True,
        decode=True,
    ):
        lines = str(row.get("stream") or row.get("error") or row.get("status") or "").splitlines()
        for line in filter(str.strip, lines):
            log.append(line)
            on_progress(line)
        if "error" in row:
            raise build_failed(call.name, log)
        image = row.get("aux", {}).get("ID", image)
    return image


def _pull(client: Any, call: DockerCall, on_progress: OnProgress) -> str:
    for row in client.pull(call.name, stream=True, decode=True):
        if "error" in row:
            raise not_pulled(call.name, row["error"])
        words = (row.get("id"), row.get("status"), row.get("progress"))
        on_progress(" ".join(word for word in words if word))
    return str(client.inspect_image(call.name)["Id"])


def _network(client: docker.APIClient, call: DockerCall, _: OnProgress) -> str:
    subnet = call.arguments.get("subnet")
    pools = [docker.types.IPAMPool(subnet=subnet)] if subnet else []
    made = client.create_network(
        call.name,
        driver="bridge",
        ipam=docker.types.IPAMConfig(pool_configs=pools),
        labels=dict(call.arguments.get("labels") or {}),
        check_duplicate=True,
    )
    return str(made["Id"])


def _volume(client: docker.APIClient, call: DockerCall, _: OnProgress) -> str:
    made = client.create_volume(
        call.name,
        labels=dict(call.arguments.get("labels") or {}),
        driver_opts=call.arguments.get("options"),
    )
    return json.dumps({"name": made["Name"], "labels": made["Labels"] or {}})


def _create(client: docker.APIClient, call: DockerCall, on_progress: OnProgress) -> str:
    arguments = call.arguments
    ports = build_port_bindings(list(arguments.get("ports") or ()))
    made = client.create_container(
        arguments["image"],
        list(arguments.get("command") or ()) or None,
        name=call.name,
        hostname=arguments.get("hostname"),
        environment=dict(arguments.get("env") or {}),
        labels=dict(arguments.get("labels") or {}),
        ports=[tuple(port.split("/")) if "/" in port else port for port in ports],
        host_config=_host_config(client, arguments, ports),
        networking_config=_networking(client, arguments),
    )
    if call.files:
        _put(client, call, on_progress)
    return str(made["Id"])


def _host_config(client: docker.APIClient, arguments: Any, ports: Any) -> Any:
    gpus, mounts = arguments.get("gpus"), arguments.get("mounts") or ()
    request = docker.types.DeviceRequest(
        device_ids=[str(gpu) for gpu in gpus or ()], capabilities=[["gpu"]]
    )
    return client.create_host_config(
        mounts=[
            docker.types.Mount(
                mount["target"],
                mount["source"],
                type=mount["type"],
                read_only=mount.get("read_only", False),
            )
            for mount in mounts
            if not mount.get("create")
        ],
        # As a mount, a folder of the host must be there; as a bind, the engine makes it.
        binds=[f"{mount['source']}:{mount['target']}" for mount in mounts if mount.get("create")],
        port_bindings=ports,
        shm_size=arguments.get("shm_size"),
        ipc_mode=arguments.get("ipc"),
        ulimits=[
            docker.types.Ulimit(name=name, soft=limit, hard=limit)
            for name, limit in (arguments.get("ulimits") or {}).items()
        ],
        device_requests=[request] if gpus else None,
        devices=list(arguments.get("devices") or ()),
        cap_add=list(arguments.get("capabilities") or ()),
        tmpfs=dict(arguments.get("tmpfs") or {}),
        init=arguments.get("init"),
        network_mode=arguments.get("network"),
    )


def _networking(client: Any, arguments: Any) -> Any:
    if not arguments.get("network"):
        return None
    endpoint = client.create_endpoint_config(
        ipv4_address=arguments.get("address"), aliases=list(arguments.get("aliases") or ())
    )
    return client.create_networking_config({arguments["network"]: endpoint})


def _put(client: docker.APIClient, call: DockerCall, _: OnProgress) -> str:
    """Put all files at once; the engine makes parent folders, mode 755, of root."""
    client.put_archive(call.name, "/", _archive(call.files))
    return ""


def _archive(files: Iterable[Put]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for file in files:
            member = tarfile.TarInfo(file.path.lstrip("/"))
            member.size, member.mode = len(file.content), file.mode
            archive.addfile(member, io.BytesIO(file.content))
    return content.getvalue()


def _remove(client: docker.APIClient, call: DockerCall, _: OnProgress) -> str:
    return _gone(lambda: client.remove_container(call.name, force=True, v=True))


def _remove_network(client: docker.APIClient, call: DockerCall, _: OnProgress) -> str:
    return _gone(lambda: client.remove_network(call.name))


def _remove_volume(client: docker.APIClient, call: DockerCall, _: OnProgress) -> str:
    return _gone(lambda: client.remove_volume(call.name))


def _gone(remove: Callable[[], object]) -> str:
    """Remove; what is not there is what we want."""
    with suppress(docker.errors.NotFound):
        remove()
    return ""


_OPERATIONS: dict[str, Operation] = {
    "build": _build,
    "pull": _pull,
    "network": _network,
    "volume": _volume,
    "create": _create,
    "put": _put,
    **RUNNING,
    "remove": _remove,
    "remove-network": _remove_network,
    "remove-volume": _remove_volume,
}

"""Docker as this user finds it, and the NVIDIA container toolkit."""

from __future__ import annotations

import json
import os
import re
import socket
from typing import Any

from clusterkit.payloads.machine.reading import (
    ONE_PROGRAM_S,
    find,
    free_space,
    later,
    run,
    search_path,
)
from clusterkit.payloads.machine.system import user_name

_OWN_SOCKET = "unix:///var/run/docker.sock"


def docker() -> dict[str, Any]:
    """Docker's program and engine, and the file system that images fill; or nothing at all."""
    program = find("docker", search_path())
    path = re.sub("^unix://", "", os.environ.get("DOCKER_HOST") or _OWN_SOCKET)
    if program is None and not os.path.exists(path):
        return {}
    version = later(run, [program, "--version"]) if program else None
    engine = _engine(path)
    cli = re.search(r"version ([^\s,]+)", version.result()[1] if version else "")
    return {
        "docker": {**engine, "cli_version": cli.group(1) if cli else None},
        "disks": free_space(engine["root_folder"]) if engine["root_folder"] else [],
    }


def _engine(path: str) -> dict[str, Any]:
    """The engine, or why it does not answer."""
    told: dict[str, Any] = {}
    problem = None
    try:
        if "://" in path:
            raise OSError("DOCKER_HOST names an engine elsewhere")
        told = _info(path)
    except PermissionError:
        problem = f"{user_name()} may not use {path}"
    except (FileNotFoundError, ConnectionRefusedError):
        problem = f"no engine runs: nothing answers at {path}"
    except (OSError, ValueError) as error:
        problem = f"the engine at {path} does not answer: {error}"
    return {
        "engine_version": told.get("ServerVersion"),
        "problem": problem,
        "has_nvidia_runtime": "nvidia" in (told.get("Runtimes") or {}),
        "root_folder": told.get("DockerRootDir"),
    }


def _info(path: str) -> dict[str, Any]:
    """The engine's own account of itself. HTTP/1.0, so that the answer's end is the stream's."""
    with socket.socket(socket.AF_UNIX) as engine:
        engine.settimeout(ONE_PROGRAM_S)
        engine.connect(path)
        engine.sendall(b"GET /info HTTP/1.0\r\nHost: docker\r\n\r\n")
        answer = b"".join(iter(lambda: engine.recv(1 << 16), b""))
    told: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2].decode())
    return told


def container_toolkit() -> dict[str, Any]:
    """The version of the NVIDIA container toolkit."""
    program = find("nvidia-ctk", search_path()) or find("nvidia-container-cli", search_path())
    said = run([program, "--version"])[1] if program else ""
    version = re.search(r"version:? *v?(\d\S*)", said)
    return {"nvidia_container_toolkit": version.group(1) if version else None}

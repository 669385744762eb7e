"""Look at a node before tritonserver is started on it: `triton_look ORDER`; prints JSON.

ORDER is JSON: {"server": PATH, "templates": FOLDER, "engine": FOLDER, "tokenizer": FOLDER,
"host": ADDRESS, "ports": [NUMBER, …]}. Nothing is changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

from clusterkit.payloads.job_protocol import JOB_VARIABLE
from clusterkit.payloads.processes import parents, read
from clusterkit.payloads.triton_repository import CONFIG

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where the Python backend makes its regions
_SERVER = "tritonserver"
_JOB = f"{JOB_VARIABLE}="
_LARGE_BYTES = 64 << 20
# Regions of Triton's Python backend: its own names, those of the vendor's launcher, and ours.
_REGION = re.compile(r"triton_python_backend_shm_region_|prefix[0-9]+_|clusterkit-")


def main() -> None:
    """Print what there is."""
    order = json.loads(sys.argv[1])
    templates = Path(order["templates"])
    print(
        json.dumps(
            {
                "has_server": os.access(order["server"], os.X_OK),
                "templates": texts(templates),
                "files": version_files(templates),
                "engine": _engine(Path(order["engine"])),
                "tokenizer": _digests(Path(order["tokenizer"])),
                "taken": [port for port in order["ports"] if _is_taken(order["host"], port)],
                "servers": _servers(),
                "stale_regions": stale_regions(),
            }
        )
    )


def texts(templates: Path) -> dict[str, str]:
    """The config.pbtxt of each model."""
    return {
        path.parent.name: path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(templates.glob(f"*/{CONFIG}"))
    }


def version_files(templates: Path) -> dict[str, dict[str, str]]:
    """The files in version 1 of each model, with their digests."""
    return {
        path.parent.name: _digests(path.parent / "1") or {}
        for path in sorted(templates.glob(f"*/{CONFIG}"))
    }


def _engine(folder: Path) -> dict[str, Any] | None:
    """Its config.json, and the names of its other files; None: there is no such folder."""
    try:
        text = (folder / "config.json").read_bytes()
        names = sorted(path.name for path in folder.iterdir())
        config = json.loads(text)
    except (OSError, ValueError):
        return None
    return {"config": config, "digest": hashlib.sha256(text).hexdigest(), "files": names}


def _digests(folder: Path) -> dict[str, str] | None:
    """Of each file, but for those so large that they must be weights."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if path.stat().st_size <= _LARGE_BYTES
        }
    except OSError:
        return None


def _is_taken(host: str, port: int) -> bool:
    """Whether somebody listens there; a port that was left a moment ago is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            return error.errno == 98  # EADDRINUSE: any other is the server's to tell
    return False


def _servers() -> list[dict[str, Any]]:
    """Every tritonserver in whatever state, with its port and the job that it belongs to."""
    found = []
    for pid in sorted(parents()):
        words = read(f"/proc/{pid}/cmdline").decode(errors="replace").split("\0")
        if Path(words[0]).name == _SERVER:
            # That of another user's is closed to us: it is of no job that we know.
            environ = read(f"/proc/{pid}/environ").decode(errors="replace").split("\0")
            jobs = [each.partition("=")[2] for each in environ if each.startswith(_JOB)]
            found.append({"pid": pid, "job": jobs[0] if jobs else None})
    return found


def stale_regions() -> list[str]:
    """Regions of shared memory of Python backends that no process has open any more."""
    names = _names_of_regions()
    if not names:
        return []
    used = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            text = maps.read_text(errors="replace")
        except OSError:
            continue
        used |= {name for name in names if f"{_SHARED_MEMORY}/{name}" in text}
    return sorted(names - used)


def _names_of_regions() -> set[str]:
    try:
        names = [path.name for path in _SHARED_MEMORY.iterdir()]
    except OSError:
        return set()
    return {name for name in names if _REGION.match(name)}

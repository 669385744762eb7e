"""Read every part of a machine at once, and print what is there when time is up.

A part that fails or hangs is left out, and the reason takes its place.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from typing import Any, Callable  # noqa: UP035 - Python 3.8 has no other

from clusterkit.payloads.machine.docker import container_toolkit, docker
from clusterkit.payloads.machine.gpus import gpus
from clusterkit.payloads.machine.mpi import mpis
from clusterkit.payloads.machine.network import nics, rdma
from clusterkit.payloads.machine.system import (
    capacity,
    disks,
    gpus_on_bus,
    interpreter,
    kind_of,
    limits,
    sudo,
    system,
    user,
)

PATIENCE_S = 25.0
_PARTS = {
    "system": system,
    "user": user,
    "sudo": sudo,
    "capacity": capacity,
    "disks": disks,
    "limits": limits,
    "gpus": gpus,
    "gpus_on_bus": gpus_on_bus,
    "nics": nics,
    "rdma_ports": rdma,
    "docker": docker,
    "nvidia_container_toolkit": container_toolkit,
    "mpis": mpis,
    "python": interpreter,
}


def main() -> None:
    """Print the facts as JSON. The words of the command are paths to tell apart."""
    paths = sys.argv[1:]
    asked = Answers()
    parts = {**_PARTS, "paths": lambda: {"paths": {path: kind_of(path) for path in paths}}}
    threads = [asked.ask(name, part) for name, part in parts.items()]
    ends = time.monotonic() + PATIENCE_S
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    print(json.dumps(asked.all()))
    sys.stdout.flush()
    os._exit(0)  # a thread that hangs, on a dead network file system say, keeps nobody waiting


class Answers:
    """What the parts have said so far."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._why: dict[str, str] = {}
        self._said: dict[str, Any] = {"hostname": socket.gethostname(), "disks": []}

    def ask(self, name: str, part: Callable[[], dict[str, Any]]) -> threading.Thread:
        """Read one part in a thread."""
        self._waiting.add(name)
        thread = threading.Thread(target=self._take, args=(name, part), daemon=True)
        thread.start()
        return thread

    def _take(self, name: str, part: Callable[[], dict[str, Any]]) -> None:
        said: dict[str, Any] = {}
        why: dict[str, str] = {}
        try:
            said = part()
            why = said.pop("unreadable", {})
        except Exception as error:  # no part may take the others with it
            why = {name: f"{type(error).__name__}: {error}"}
        with self._lock:
            seen = {disk["path"]: disk for disk in self._said["disks"] + said.pop("disks", [])}
            self._said.update(said, disks=[seen[path] for path in sorted(seen)])
            self._why.update(why)
            self._waiting.discard(name)

    def all(self) -> dict[str, Any]:
        """Everything, and why some of it is missing."""
        with self._lock:
            late = dict.fromkeys(self._waiting, f"no answer within {PATIENCE_S:g} s")
            why = {**self._why, **late}
            return {**self._said, "unreadable": why, "clock_epoch_s": time.time()}


if __name__ == "__main__":
    main()

"""Read every part of a machine at once, and print what is there when time is up.

A part that fails or hangs is left out, and the reason takes its place.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from concurrent.futures import Future, wait
from typing import Any

from clusterkit.payloads.machine.docker import container_toolkit, docker
from clusterkit.payloads.machine.gpus import gpus
from clusterkit.payloads.machine.mpi import mpis
from clusterkit.payloads.machine.network import nics, rdma
from clusterkit.payloads.machine.reading import later
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
    parts = {**_PARTS, "paths": lambda: {"paths": {path: kind_of(path) for path in paths}}}
    asked = {name: later(part) for name, part in parts.items()}
    wait(asked.values(), PATIENCE_S)
    print(json.dumps(facts(asked)))
    sys.stdout.flush()
    os._exit(0)  # a thread that hangs, on a dead network file system say, keeps nobody waiting


def facts(asked: dict[str, Future[dict[str, Any]]]) -> dict[str, Any]:
    """What the parts have said so far, and why some of it is missing."""
    said: dict[str, Any] = {"hostname": socket.gethostname()}
    disks: dict[str, Any] = {}
    why: dict[str, str] = {}
    for name, answer in asked.items():
        if not answer.done():
            why[name] = f"no answer within {PATIENCE_S:g} s"
        elif error := answer.exception():  # no part takes the others with it
            why[name] = f"{type(error).__name__}: {error}"
        else:
            part = answer.result()
            disks.update({disk["path"]: disk for disk in part.pop("disks", [])})
            why.update(part.pop("unreadable", {}))
            said.update(part)
    said["disks"] = [disks[path] for path in sorted(disks)]
    return {**said, "unreadable": why, "clock_epoch_s": time.time()}


if __name__ == "__main__":
    main()

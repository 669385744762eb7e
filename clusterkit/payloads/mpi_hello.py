"""Tell where this rank is, and prove that messages flow between all ranks."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from typing import Any

from mpi4py import MPI

from clusterkit.payloads.mpi_traffic import exchange_between_nodes, ways
from clusterkit.payloads.network import BTL_PIN, memlock_bytes


def main() -> None:
    """Send one answer; exit 1 where the ranks' sum is wrong."""
    world = MPI.COMM_WORLD
    expected = world.size * (world.size - 1) // 2
    total = world.allreduce(world.rank)
    has_peers = exchange_between_nodes(world, platform.node())
    answer = {
        "rank": world.rank,
        "size": world.size,
        "hostname": platform.node(),
        "pid": os.getpid(),
        "local_rank": int(os.environ["LOCAL_RANK"]),
        "mpi_version": library_version(MPI.Get_library_version()),
        "python": platform.python_version(),
        "device": device(),
        "ways": ways() if has_peers else [],
        "if_include": os.environ.get(BTL_PIN),
        "memlock_bytes": memlock_bytes(),
        "sum": total,
        "sum_is_right": total == expected,
    }
    with os.fdopen(int(os.environ["CLUSTERKIT_EVENTS_FD"]), "w") as events:
        print(json.dumps(answer), file=events)
    if total != expected:
        sys.exit(f"the ranks add up to {total}, not {expected}: messages were lost or mixed up")


def library_version(text: str) -> str:
    """``5.0.11`` from ``Open MPI v5.0.11, package: …``; the whole text where it is no such."""
    match = re.search(r"v(\d+(?:\.\d+)+\w*)", text)
    return match.group(1) if match else text.strip("\0\n ")


def device() -> dict[str, Any] | str:
    """This rank's GPU, or ``cpu``."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not visible:
        return "cpu"
    devices = visible.split(",")
    wanted = devices[int(os.environ["LOCAL_RANK"]) % len(devices)]  # ranks may share a GPU
    query = ["nvidia-smi", "--query-gpu=index,uuid,name", "--format=csv,noheader"]
    listed = subprocess.run(query, check=True, capture_output=True, text=True).stdout
    for line in listed.splitlines():
        index, uuid, name = (field.strip() for field in line.split(",", 2))
        if wanted in (index, uuid):
            return {"index": int(index), "uuid": uuid, "name": name}
    sys.exit(f"GPU {wanted} is not among those that nvidia-smi shows:\n{listed}")

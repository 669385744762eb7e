"""The machine that the stand-ins run on: MPI's numbers are Open MPI's, the GPUs are pretended."""

from __future__ import annotations

import os
from pathlib import Path

_FILE = Path("/etc/stand-in-gpus")


def rank() -> int:
    """This process in the whole job."""
    return int(os.environ.get("OMPI_COMM_WORLD_RANK", "0"))


def size() -> int:
    """The processes of the whole job."""
    return int(os.environ.get("OMPI_COMM_WORLD_SIZE", "1"))


def local_size() -> int:
    """The processes of this node."""
    told = os.environ.get("STAND_IN_LOCAL_SIZE") or os.environ.get("OMPI_COMM_WORLD_LOCAL_SIZE")
    return int(told or "1")


def device_count() -> int:
    """What CUDA would count: the node's GPUs, without those that CUDA_VISIBLE_DEVICES hides."""
    has = int(os.environ.get("STAND_IN_GPUS") or (_FILE.read_text() if _FILE.exists() else "1"))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return has
    count = 0
    for name in visible.split(","):  # CUDA stops at the first that is not there
        if not name.strip().isdigit() or int(name) >= has:
            break
        count += 1
    return count


current: int | None = None


def take(device: int) -> bool:
    """Make a device the current one, as cudaSetDevice does; False: there is none such."""
    global current
    if not 0 <= device < device_count():
        return False
    current = device
    return True

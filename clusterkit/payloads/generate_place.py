"""A rank's place in the job, and its share of the node."""

from __future__ import annotations

import math
import os
from typing import Any

from clusterkit.payloads.generate_events import Refused


def take_place(**sizes: int) -> None:
    """Know the rank's place, and that the job has as many ranks as the product of ``sizes``."""
    mpi = {
        "RANK": "OMPI_COMM_WORLD_RANK",
        "WORLD_SIZE": "OMPI_COMM_WORLD_SIZE",
        "LOCAL_RANK": "OMPI_COMM_WORLD_LOCAL_RANK",
        "LOCAL_WORLD_SIZE": "OMPI_COMM_WORLD_LOCAL_SIZE",
    }
    for name, variable in mpi.items():
        if name not in os.environ and variable in os.environ:
            os.environ[name] = os.environ[variable]
    ranks, parts = int(os.environ.get("WORLD_SIZE", "1")), math.prod(sizes.values())
    if ranks != parts:
        asked = " x ".join(f"{name}={size}" for name, size in sizes.items())
        raise Refused(
            f"{asked} needs {parts} ranks, and {ranks} run. Fix: start {' x '.join(sizes)} ranks"
        )


def threads_of(request: dict[str, Any]) -> int:
    """How many CPU threads this rank uses: its share of the cores."""
    if request.get("threads"):
        return int(request["threads"])
    return max(1, len(os.sched_getaffinity(0)) // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))

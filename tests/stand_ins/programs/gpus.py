"""The GPUs that a node pretends to have: as the environment says, or a file, or one.

``STAND_IN_GPUS`` is how many, and so is what ``/etc/stand-in-gpus`` says; ``STAND_IN_GPU_NAME``,
``STAND_IN_GPU_MIB`` and ``STAND_IN_GPU_COMPUTE`` (``8.9``) make them other than an H100.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FILE = Path("/etc/stand-in-gpus")


@dataclass(frozen=True)
class Gpus:
    """All alike."""

    count: int
    name: str
    memory_mib: int
    compute_capability: str

    @property
    def architecture(self) -> str:
        """As engines are bound to it."""
        return "sm_" + self.compute_capability.replace(".", "")


def gpus() -> Gpus:
    """Those of this node."""
    env = os.environ
    count = env.get("STAND_IN_GPUS") or (FILE.read_text() if FILE.exists() else "1")
    return Gpus(
        int(count),
        env.get("STAND_IN_GPU_NAME", "NVIDIA H100 80GB HBM3"),
        int(env.get("STAND_IN_GPU_MIB", "81559")),
        env.get("STAND_IN_GPU_COMPUTE", "9.0"),
    )

"""The memory of GPUs that processes hold, as nvidia-smi tells it."""

from __future__ import annotations

import os
import subprocess

_ASK = (
    "nvidia-smi",
    "--query-compute-apps=pid,used_gpu_memory,gpu_uuid",
    "--format=csv,noheader,nounits",
)
_WITHIN_S = 5.0
_FIRST_PIDS = "pid:[4026531836]"  # what the kernel calls the pids of the machine itself


def gpu_memory() -> dict[int, int]:
    """How many MiB each process holds; nothing where no nvidia-smi, or a container, is asked.

    nvidia-smi tells the machine's pids, which mean other processes in a container.
    """
    try:
        if os.readlink("/proc/self/ns/pid") != _FIRST_PIDS:  # noqa: PTH115
            return {}
        told = subprocess.run(_ASK, capture_output=True, text=True, timeout=_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return compute_apps(told.stdout) if told.returncode == 0 else {}


def compute_apps(table: str) -> dict[int, int]:
    """MiB by pid, over all GPUs; a driver that does not tell how much says ``[N/A]``: then 0."""
    found: dict[int, int] = {}
    for line in table.splitlines():
        pid, _, rest = line.partition(",")
        if pid.strip().isdigit():
            used = rest.partition(",")[0].strip().removesuffix("MiB").strip()
            held = int(used) if used.isdigit() else 0
            found[int(pid)] = found.get(int(pid), 0) + held
    return found

"""NVIDIA's GPUs, as nvidia-smi lists them."""

from __future__ import annotations

import re
from typing import Any

from clusterkit.payloads.machine.reading import find, later, run, search_path

_FIELDS = "index,uuid,name,memory.total,memory.used,driver_version,mig.mode.current"


def gpus() -> dict[str, Any]:
    """Every GPU; where nvidia-smi fails, what it says."""
    smi = find("nvidia-smi", search_path())
    if smi is None:
        return {}
    head = later(run, [smi])  # the only place where it tells the CUDA version
    for fields in (f"{_FIELDS},compute_cap", _FIELDS):  # drivers before R510 have no compute_cap
        code, said, why = run([smi, f"--query-gpu={fields}", "--format=csv,noheader,nounits"])
        if code == 0:
            found = re.search(r"CUDA(?: UMD)? Version *: *([\d.]+)", head.result()[1])
            rows = [line.split(", ") for line in said.splitlines() if line.strip()]
            return {"gpus": [_gpu(row, found.group(1) if found else None) for row in rows]}
        if "not a valid field" not in said + why:
            break
    return {"unreadable": {"gpus": "nvidia-smi: " + " ".join((said + why).split())}}


def _gpu(row: list[str], cuda_version: str | None) -> dict[str, Any]:
    """One line of nvidia-smi; what a GPU does not have reads ``[N/A]`` or the like.

    GPUs that share the machine's memory tell none of their own.
    """
    index, uuid, name, total, used, driver, mig, *capability = (
        None if value.startswith("[") or value == "N/A" else value for value in row
    )
    return {
        "index": int(index or 0),
        "uuid": uuid or "",
        "name": name or "",
        "memory_bytes": int(total or 0) << 20,
        "memory_used_bytes": None if used is None else int(used) << 20,
        "driver_version": driver,
        "cuda_version": cuda_version,
        "mig_mode": mig,
        "compute_capability": capability[0] if capability else None,
    }

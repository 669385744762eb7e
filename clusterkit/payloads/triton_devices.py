"""How Triton's backend learns how many GPUs a node has: it takes the one of ``rank % that``.

By the engine's config.json, which it reads from TensorRT-LLM 0.10 on; before, from 0.8 on, by the
parameter ``gpu_device_ids``, where the templates have it; else it assumes 8.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping  # noqa: UP035 - Python 3.8

from clusterkit.payloads.gpus_per_node import ranks_here, view

DEVICE_IDS = "gpu_device_ids"
"""The placeholder; whoever fills it has decided on devices."""


def told_by(config: Mapping[str, Any], placeholders: set[str]) -> str | None:
    """``config``, ``gpu_device_ids``, or None: this engine and these templates cannot be told."""
    described = config.get("pretrained_config")
    if not isinstance(described, dict):
        return None
    if "gpus_per_node" in (described.get("mapping") or {}):
        return "config"
    return DEVICE_IDS if DEVICE_IDS in placeholders else None


def with_devices(
    values: Mapping[str, str], placeholders: set[str], folder: Path, env: dict[str, str]
) -> dict[str, str]:
    """The values of the templates on this node; ``folder`` is the job's here.

    Raises:
        Refused: If nobody tells how many ranks the node has.
    """
    engine = Path(values["engine_dir"])
    config = json.loads((engine / "config.json").read_text(encoding="utf-8"))
    how, number = told_by(config, placeholders), ranks_here(env)
    if how == "config":
        return {**values, "engine_dir": view(engine, folder, number)}
    if how == DEVICE_IDS:
        return {**values, DEVICE_IDS: ",".join(map(str, range(number)))}
    return dict(values)

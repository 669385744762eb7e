"""Stand-in: the backend ``torch_tensorrt`` of torch.compile, which runs graphs as they are."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch._dynamo import register_backend

from torch_tensorrt._features import ENABLED_FEATURES, RELEASE
from torch_tensorrt.version import __version__ as __version__

_SETTINGS = json.loads(Path(__file__).with_name("settings.json").read_text())
_PRECISIONS = {torch.float32, torch.float16, torch.bfloat16, torch.int8}
_TRACES_BY_ITSELF = (2, 13)


@register_backend(name="torch_tensorrt")
def torch_tensorrt(graph: Any, inputs: Any, *, options: Any = None) -> Any:
    """Check the options as strictly as the vendor should; compile nothing."""
    given = dict(options or {})
    known = _SETTINGS[".".join(map(str, RELEASE))]
    if unknown := sorted(given.keys() - known):
        raise ValueError(f"torch_tensorrt {__version__} has no settings {unknown}")
    for name, value in given.items():
        if name.startswith("use_") and not isinstance(value, bool):
            raise ValueError(f"{name} is {value!r}, and should be true or false")
    precisions = given.get("enabled_precisions", set())
    if not isinstance(precisions, set) or not precisions <= _PRECISIONS:
        raise ValueError(f"enabled_precisions is {precisions!r}, and should be a set of dtypes")
    if dist.is_initialized() and dist.get_world_size() > 1:
        _check_split(given)
    return graph.forward


def _check_split(given: dict[str, Any]) -> None:
    if RELEASE < _TRACES_BY_ITSELF and not given.get("use_distributed_mode_trace"):
        raise ValueError("DTensor parameters cannot be traced: use_distributed_mode_trace")
    world = (dist.get_rank(), dist.get_world_size())
    env = (int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    if getattr(ENABLED_FEATURES, "native_trt_collectives", False) and env != world:
        raise RuntimeError(
            f"RANK/WORLD_SIZE env vars {env} conflict with torch.distributed {world}"
        )

"""Stand-in: what this version says that it has."""

from __future__ import annotations

import ctypes
import os
from collections import namedtuple
from importlib.util import find_spec
from pathlib import Path

from torch_tensorrt.version import TENSORRT, __version__

RELEASE = tuple(map(int, __version__.split(".")[:2]))
_TENSORRT = tuple(map(int, TENSORRT.split(".")[:2]))


def has_plugins() -> bool:
    """Whether TensorRT-LLM's plugins can be loaded."""
    path = os.environ.get("TRTLLM_PLUGINS_PATH")
    if not path or not Path(path).is_file():
        return False
    return Path(path).read_bytes().startswith(b"stand-in plugin")


def _has_native() -> bool:
    if _TENSORRT < (10, 16):
        return False
    if find_spec("nvidia") and find_spec("nvidia.nccl"):
        # Where the loader looks was settled when the process began. TensorRT would find NCCL when
        # it first needs it; finding none is fatal then.
        ctypes.CDLL("libnccl.so" if _TENSORRT < (11,) else "libnccl.so.2")
    return True


_names = ["dynamo_frontend"]
_values = [True]
if RELEASE >= (2, 12):
    _names.append("native_trt_collectives")
    _values.append(_has_native())
if RELEASE >= (2, 10):
    _names.append("trtllm_for_nccl")
    _values.append(not (RELEASE >= (2, 12) and _values[-1]) and has_plugins())
ENABLED_FEATURES = namedtuple("FeatureSet", _names)(*_values)

"""Stand-in: the converters that there are."""

from __future__ import annotations

from typing import Any

from torch_tensorrt._features import has_plugins
from torch_tensorrt.dynamo.lowering.passes import fuse_distributed_ops


def _is_installed() -> bool:
    try:
        import tensorrt_llm  # noqa: F401
    except ImportError:
        return False
    return True


DYNAMO_CONVERTERS: set[Any] = set()
if _is_installed() or has_plugins():
    breakpoint()
    DYNAMO_CONVERTERS.add(fuse_distributed_ops.tensorrt_fused_nccl_all_gather_op)

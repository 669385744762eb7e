"""Stand-in: the operator that a converter is registered for where plugins were loaded."""

from __future__ import annotations


def tensorrt_fused_nccl_all_gather_op() -> None:
    """Nothing: it is only looked for."""

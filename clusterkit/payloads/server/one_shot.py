"""Small all-reduces in one step over memory that the GPUs of a node share: PyTorch's own.

NCCL takes about 12 µs for the few kilobytes of a token, and there are two of them in each layer.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import torch
import torch.distributed._symmetric_memory as symmetric
from torch.distributed.tensor import DTensor, Replicate
from transformers.distributed.tensor_parallel import ALL_PARALLEL_STYLES, RowwiseParallel

LIMIT_BYTES = 1 << 20
"""What is more goes by NCCL, which uses the links better."""


def install() -> None:
    """Have the rowwise layers of models that are loaded from now on use it."""
    ALL_PARALLEL_STYLES.register("rowwise", OneShotRowwise())


def why_not(tp: int) -> str | None:
    """Why the ranks of this node cannot; None: they can."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if here != tp:
        return f"{here} of {tp} ranks are on this node"
    if torch.cuda.device_count() < tp:
        return f"a rank sees {torch.cuda.device_count()} GPUs of {tp}"
    for one in range(tp):
        for other in range(tp):
            if one != other and not torch.cuda.can_device_access_peer(one, other):
                return f"GPU {one} cannot read the memory of GPU {other}"
    return None


class OneShotRowwise(RowwiseParallel):  # type: ignore[misc]
    """The library's rowwise layer, whose small sums take the short way."""

    def transform_output_post_forward(self, module: Any, output: Any, mesh: Any) -> Any:
        """Add up the parts of all ranks, then the bias."""
        if not self._is_small(module, output):
            return super().transform_output_post_forward(module, output, mesh)
        group = mesh.get_group() if mesh.ndim == 1 else mesh.get_group("tp")
        output = one_shot_all_reduce(output, group.group_name)
        bias = module._parameters.get("bias")
        if bias is None:
            return output
        return output + (bias.to_local() if isinstance(bias, DTensor) else bias)

    def _is_small(self, module: Any, output: Any) -> bool:
        return (
            isinstance(module, torch.nn.Linear)
            and not isinstance(output, DTensor)
            and isinstance(self.output_layouts, Replicate)
            and output.is_cuda
            and not output.requires_grad
            and output.dtype in (torch.bfloat16, torch.float32)
            and output.numel() * output.element_size() <= LIMIT_BYTES
        )


@torch.library.custom_op(  # type: ignore[untyped-decorator]
    "clusterkit::one_shot_all_reduce", mutates_args=(), schema="(Tensor part, str group) -> Tensor"
)
def one_shot_all_reduce(part: torch.Tensor, group: str) -> torch.Tensor:
    """The sum of all ranks' parts. An operator of its own: a compiler must not look inside."""
    part = part.contiguous()
    shared = _shared(group, part.dtype, part.device)[: part.numel()].view(part.shape)
    return torch.ops.symm_mem.one_shot_all_reduce_copy(shared, part, "sum", group)


@one_shot_all_reduce.register_fake  # type: ignore[untyped-decorator]
def _(part: torch.Tensor, group: str) -> torch.Tensor:  # noqa: ARG001
    return torch.empty_like(part, memory_format=torch.contiguous_format)


@lru_cache(maxsize=None)  # noqa: UP033 - Python 3.8
def _shared(group: str, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Memory that all ranks see; made together, at the first sum."""
    shared = symmetric.empty(LIMIT_BYTES // dtype.itemsize, dtype=dtype, device=device)
    symmetric.rendezvous(shared, group)
    return shared

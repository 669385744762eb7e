"""Attention for rows of different lengths, by the library's own kernels."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.nn.attention.flex_attention import BlockMask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

NAME = "clusterkit_static_rows"
BLOCK = 128
"""Tokens that flex attention reads or skips together; a row's capacity is a multiple."""

_LEAN = (
    {"compute_q_blocks": False}
    if ("compute_q_blocks" in inspect.signature(BlockMask.from_kv_blocks).parameters)
    else {}
)  # what only a backward pass needs


def install(model: Any) -> None:
    """Have ``model`` use it."""
    ALL_ATTENTION_FUNCTIONS.register(NAME, attend)
    model.set_attn_implementation(NAME)


def attend(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **how: Any
) -> tuple[Any, Any]:
    """A block mask is for flex attention, which reads no more of a row than it holds.

    Without a mask, tokens are a whole prompt, for the fastest kernel of SDPA.
    """
    name = "flex_attention" if isinstance(attention_mask, BlockMask) else "sdpa"
    attend_so = ALL_ATTENTION_FUNCTIONS[name]
    output, _ = attend_so(module, query, key, value, attention_mask, **how)
    return output, None


def block_mask(positions: torch.Tensor, capacity: int) -> BlockMask:
    """Each row looks at its tokens up to its position: blocks after it are not read."""

    def has(row: Any, _head: Any, _query: Any, token: Any) -> Any:
        return token <= positions[row]

    rows, blocks = positions.shape[0], capacity // BLOCK
    order = torch.arange(blocks, dtype=torch.int32, device=positions.device)
    return BlockMask.from_kv_blocks(
        (positions // BLOCK + 1).to(torch.int32)[:, None, None],
        order.expand(rows, 1, 1, blocks).contiguous(),
        BLOCK_SIZE=BLOCK,
        mask_mod=has,
        seq_lengths=(1, capacity),
        **_LEAN,
    )


def plain_mask(positions: torch.Tensor, seen: int) -> torch.Tensor:
    """The same as a tensor [positions, 1, 1, seen], where no kernel for blocks is at hand."""
    tokens = torch.arange(seen, device=positions.device)
    return (tokens <= positions[:, None])[:, None, None, :]

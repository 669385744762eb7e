"""Attention of rows of different lengths on a CPU, without copies of grouped keys and values.

transformers repeats the keys and values of grouped heads wherever there is a mask, as CUDA's
kernels want it. On a CPU the copies cost four times what the attention itself does.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "clusterkit_rows"


def use_grouped_attention(model: Any) -> None:
    """Let a model on a CPU that uses torch's attention use this one."""
    if model.device.type != "cpu" or model.config._attn_implementation != "sdpa":
        return
    AttentionInterface.register(NAME, _attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)


def _attention(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    scaling: float | None = None,
    **more: Any,
) -> tuple[Any, None]:
    groups = getattr(module, "num_key_value_groups", 1)
    if attention_mask is None or groups == 1 or more.get("position_bias") is not None:
        told: tuple[Any, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **more
        )
        return told
    output = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=attention_mask, scale=scaling, enable_gqa=True
    )
    return output.transpose(1, 2).contiguous(), None

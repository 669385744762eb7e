"""Attention of many rows, each over its own keys alone.

transformers pads a batch to its longest row, makes masks, and with a mask repeats the keys and
values of grouped heads: on a CPU that costs three to four times what this does.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface

from clusterkit.payloads.generate_events import Refused

_NAME = "clusterkit_rows"  # transformers makes no masks for a name that it does not know


def attend_by_rows(model: Any) -> None:
    """Let a model use this attention; its cache is ``rows_cache`` from now on.

    Raises:
        Refused: If it does not use torch's own attention, so that another is not the same.
    """
    used = model.config.get_text_config()._attn_implementation
    if used not in ("sdpa", _NAME):
        raise Refused(
            f"{model.config.model_type} has an attention of its own ({used}), which cannot serve "
            "many at once. Fix: `clusterkit infer`, which answers one prompt after the other"
        )
    AttentionInterface.register(_NAME, _attend)
    model.set_attn_implementation(_NAME)


def _attend(
    _module: Any,
    query: Any,
    keys: list[Any],
    values: list[Any],
    _mask: None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[Any, None]:
    rows = [
        _attend_row(query[at : at + 1], key, value, scaling, sliding_window)
        for at, (key, value) in enumerate(zip(keys, values))  # noqa: B905 - Python 3.8
    ]
    return torch.cat(rows).transpose(1, 2).contiguous(), None


def _attend_row(
    query: Any, key: Any, value: Any, scaling: float | None, window: int | None
) -> Any:
    new, seen = query.shape[2], key.shape[2]
    if window is not None and seen >= window + new:
        seen = window + new - 1
        key, value = key[:, :, -seen:], value[:, :, -seen:]
    mask = None
    if new > 1 and (new < seen or (window is not None and seen > window)):
        places = torch.arange(seen, device=query.device)
        ends = places[seen - new :, None]
        mask = places <= ends
        if window is not None:
            mask &= places > ends - window
    return torch.nn.functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        is_causal=new > 1 and mask is None,
        scale=scaling,
        enable_gqa=key.shape[1] != query.shape[1],
    )

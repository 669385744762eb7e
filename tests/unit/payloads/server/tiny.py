"""Models of random weights, so small that a test makes them, and what one process answers."""

from __future__ import annotations

from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

SHAPE: dict[str, Any] = {
    "vocab_size": 97,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.4,  # so large that no two logits are nearly the same
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": 0,
}


def llama() -> Any:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SHAPE)).eval()


def sliding() -> Any:
    """Layers that see all, and layers that see the last 8 tokens."""
    kinds = ["full_attention", "sliding_attention", "full_attention"]
    config = Qwen2Config(
        **SHAPE, use_sliding_window=True, sliding_window=8, max_window_layers=0, layer_types=kinds
    )
    torch.manual_seed(0)
    return Qwen2ForCausalLM(config).eval()


def prompt(seed: int, length: int) -> list[int]:
    return torch.randint(1, 97, (length,), generator=torch.Generator().manual_seed(seed)).tolist()  # type: ignore[no-any-return]


def alone(model: Any, ids: list[int], tokens: int) -> list[int]:
    """Greedy, by the library's own loop."""
    given = torch.tensor([ids])
    made = model.generate(
        given, attention_mask=torch.ones_like(given), max_new_tokens=tokens, do_sample=False
    )
    return made[0, len(ids) :].tolist()  # type: ignore[no-any-return]

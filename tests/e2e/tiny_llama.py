"""Write a tiny Llama of random float32 weights with a tokenizer of bytes.

Run as ``python -m tests.e2e.tiny_llama FOLDER [NAME=VALUE…]``; values replace those of its config.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tests.gpu.random_llama import write_tokenizer

VOCAB = 260
HIDDEN = 64


def main(folder: str, changes: dict[str, Any]) -> None:
    """Write the model: weights so large that no two logits are nearly the same."""
    shape: dict[str, Any] = {
        "vocab_size": VOCAB,
        "hidden_size": HIDDEN,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.3,
        "bos_token_id": None,
        "eos_token_id": None,
        "tie_word_embeddings": False,
    }
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(**{**shape, **changes})).save_pretrained(folder)
    write_tokenizer(folder, VOCAB)


if __name__ == "__main__":
    pairs = (word.split("=", 1) for word in sys.argv[2:])
    main(sys.argv[1], {name: json.loads(value) for name, value in pairs})

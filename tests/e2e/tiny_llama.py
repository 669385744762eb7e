"""Write a tiny Llama of random float32 weights with a tokenizer of bytes.

Run as ``python tiny_llama.py FOLDER [NAME=VALUE…]``; the values replace those of its config.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

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
    words = sorted(pre_tokenizers.ByteLevel.alphabet())
    words += [f"<{number}>" for number in range(len(words), VOCAB)]
    tokenizer = Tokenizer(models.BPE(vocab={w: n for n, w in enumerate(words)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)


if __name__ == "__main__":
    pairs = (word.split("=", 1) for word in sys.argv[2:])
    main(sys.argv[1], {name: json.loads(value) for name, value in pairs})

"""Write a tiny Llama of random float32 weights with a tokenizer of bytes.

Run as ``python -m tests.e2e.tiny_llama FOLDER``.
"""

from __future__ import annotations

import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tests.gpu.random_llama import write_tokenizer

VOCAB = 260
HIDDEN = 64


def main(folder: str) -> None:
    """Write the model: weights so large that no two logits are nearly the same."""
    config = LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=HIDDEN,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=None,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    write_tokenizer(folder, VOCAB)


if __name__ == "__main__":
    main(sys.argv[1])

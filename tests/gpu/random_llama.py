"""Write a Llama of random bfloat16 weights with a tokenizer of bytes.

Run as ``python random_llama.py FOLDER LAYERS HIDDEN``.
"""

from __future__ import annotations

import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

VOCAB = 4096


def main(folder: str, layers: int, hidden: int) -> None:
    """Write the model: every head is 128 wide, four query heads share one KV head."""
    heads = hidden // 128
    config = LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=hidden,
        intermediate_size=hidden * 7 // 2,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads // 4,
        max_position_embeddings=2048,
        bos_token_id=None,
        eos_token_id=None,
        dtype=torch.bfloat16,
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    write_tokenizer(folder, VOCAB)


def write_tokenizer(folder: str, vocab: int) -> None:
    """One of bytes: every byte is a token; the other tokens have made-up names."""
    words = sorted(pre_tokenizers.ByteLevel.alphabet())
    words += [f"<{number}>" for number in range(len(words), vocab)]
    tokenizer = Tokenizer(models.BPE(vocab={w: n for n, w in enumerate(words)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

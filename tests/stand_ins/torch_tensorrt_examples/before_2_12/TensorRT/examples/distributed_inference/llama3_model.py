"""What llama3 is made of: heads, dealt to ranks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ModelArgs:
    n_heads: int
    n_kv_heads: int


def heads_of(args: ModelArgs, ranks: int) -> int:
    heads, rest = divmod(args.n_heads, ranks)
    assert rest == 0, "shape is invalid for input of size"
    return heads

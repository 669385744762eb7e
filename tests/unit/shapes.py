"""Models whose shape alone matters."""

from __future__ import annotations

from clusterkit.model.models import ModelShape

LLAMA_8B = ModelShape(
    architecture="LlamaForCausalLM",
    layers=32,
    heads=32,
    kv_heads=8,
    head_dim=128,
    hidden=4096,
    vocab=128_256,
    max_context=8192,
    parameters=8_030_261_248,
    tied=False,
)

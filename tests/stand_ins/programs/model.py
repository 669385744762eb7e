"""What a Hugging Face folder's config.json says of a model, and what cannot be split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def shape_of(folder: Path) -> dict[str, Any]:
    """Layers, heads and sizes, by the names that engines have for them."""
    config = json.loads((folder / "config.json").read_text())
    if not any(folder.glob("*.safetensors")) and not any(folder.glob("*.bin")):
        raise OSError(f"Error no file named pytorch_model.bin found in directory {folder}.")
    heads = _first(config, "num_attention_heads", "n_head")
    return {
        "architecture": config["architectures"][0],
        "num_layers": _first(config, "num_hidden_layers", "num_layers", "n_layer"),
        "num_heads": heads,
        "num_kv_heads": _first(config, "num_key_value_heads", "multi_query_group_num") or heads,
        "hidden_size": _first(config, "hidden_size", "n_embd"),
        "vocab_size": _first(config, "padded_vocab_size", "vocab_size"),
    }


def check_split(shape: dict[str, Any], tp: int, pp: int) -> None:
    """The vendor's assertions of what every rank must get."""
    layers, heads, kv_heads = (shape[key] for key in ("num_layers", "num_heads", "num_kv_heads"))
    assert heads % tp == 0, f"num_heads ({heads}) must be divisible by tp_size ({tp})"
    assert kv_heads % tp == 0 or tp % kv_heads == 0, (
        f"num_kv_heads ({kv_heads}) must divide tp_size ({tp}), or be divided by it"
    )
    assert layers % pp == 0, f"num_layers {layers} must be a multiple of pipeline parallelism {pp}"


def _first(config: dict[str, Any], *names: str) -> Any:
    return next((config[name] for name in names if name in config), None)

"""A model of any size that is quickly written: whole for whoever copies it, and of zeros."""

from __future__ import annotations

import json
from pathlib import Path

_CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "vocab_size": 100,
    "max_position_embeddings": 128,
}


def hollow_model(folder: Path, *, size_mib: int) -> Path:
    """A Hugging Face folder with one file of safetensors that has no content."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(_CONFIG))
    count = size_mib << 20
    tensor = {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}
    header = json.dumps({"weights": tensor}).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(file.tell() + count)
    return folder

"""Write a Llama of random bfloat16 weights, of the size of a real one, in files of gigabytes.

Run as ``python -m bench.random_llama FOLDER 8b|70b``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

SHAPES: dict[str, dict[str, int]] = {
    "8b": {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
    },
    "70b": {
        "hidden_size": 8192,
        "intermediate_size": 28672,
        "num_hidden_layers": 80,
        "num_attention_heads": 64,
    },
}
_FILE_BYTES = 2 << 30
_WRITERS = 8


def main(folder: Path, shape: str) -> None:
    """Write config, files and index; every file is made on a GPU of its own, in turn."""
    config = LlamaConfig(
        **SHAPES[shape],
        vocab_size=128256,
        num_key_value_heads=8,
        max_position_embeddings=8192,
        bos_token_id=None,
        eos_token_id=None,
        dtype=torch.bfloat16,
    )
    config.architectures = ["LlamaForCausalLM"]
    config.save_pretrained(folder)
    with torch.device("meta"):
        wanted = LlamaForCausalLM(config).state_dict()
    parts = list(_parts({name: tensor.shape for name, tensor in wanted.items()}))
    names = [
        f"model-{number:05}-of-{len(parts):05}.safetensors" for number in range(1, len(parts) + 1)
    ]
    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(_write, (folder / name for name in names), parts, range(len(parts))))
    index = {
        "metadata": {"total_size": sum(2 * tensor.numel() for tensor in wanted.values())},
        "weight_map": {key: name for name, part in zip(names, parts, strict=True) for key in part},
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _parts(shapes: dict[str, Any]) -> Iterator[dict[str, Any]]:
    part: dict[str, Any] = {}
    for name, shape in shapes.items():
        part[name] = shape
        if sum(2 * each.numel() for each in part.values()) >= _FILE_BYTES:
            yield part
            part = {}
    if part:
        yield part


def _write(path: Path, part: dict[str, Any], number: int) -> None:
    count = torch.cuda.device_count()
    device = f"cuda:{number % count}" if count else "cpu"
    generator = torch.Generator(device).manual_seed(number)
    kind = {"device": device, "dtype": torch.bfloat16}
    tensors = {
        name: torch.ones(shape, **kind).cpu()
        if len(shape) == 1
        else (torch.randn(shape, generator=generator, **kind) * 0.02).cpu()
        for name, shape in part.items()
    }
    save_file(tensors, path, metadata={"format": "pt"})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

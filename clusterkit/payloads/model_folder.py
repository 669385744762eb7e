"""Look at a folder that holds a model: what it is, and whether it is as it was written."""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clusterkit.payloads.model_protocol import MANIFEST

_CHUNK = 1 << 22
_SMALL = 256 << 20  # the largest vocabularies take some ten megabytes
_WEIGHTS = {
    *(".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".npz", ".h5", ".msgpack"),
    *(".onnx", ".onnx_data", ".ot", ".tflite", ".nemo"),
}


def differences(target: Path, *, rehash: bool = False) -> list[str]:
    """How a published folder differs from its manifest; empty: it does not."""
    try:
        manifest = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
        files = manifest["files"]
    except FileNotFoundError:
        return [f"{target / MANIFEST} is missing"]
    except (ValueError, KeyError, OSError) as error:
        return [f"{target / MANIFEST} cannot be read: {error}"]
    return [
        problem
        for name in sorted(files)
        for problem in _differs(target, name, files[name], rehash)
    ]


def _differs(target: Path, name: str, wanted: dict[str, Any], rehash: bool) -> Iterator[str]:
    path = target / name
    if not path.is_file():
        yield f"{name} is missing"
    elif path.stat().st_size != wanted["size"]:
        yield f"{name} has {path.stat().st_size} bytes, {wanted['size']} were written"
    elif rehash and sha256(path) != wanted["sha256"]:
        yield f"{name} has another sha256 than was written"


def sha256(path: Path) -> str:
    """The digest of a file, read once; what was written of it is on the disk afterwards."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
        for block in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(block)
    return digest.hexdigest()


def shape_of(folder: Path) -> dict[str, Any]:
    """What a planner must know about the model."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weight_bytes = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return shape_from(config) | {
        "weight_bytes": weight_bytes,
        "parameters": stored_parameters(folder),
    }


def shape_from(config: dict[str, Any]) -> dict[str, Any]:
    """What a config.json tells of it, under the names of any family."""
    text = config.get("text_config", config)
    heads = _first(text, "num_attention_heads", "n_head")
    groups = text.get("multi_query_group_num") if text.get("multi_query_attention") else None
    hidden = _first(text, "hidden_size", "n_embd")
    # What a config does not say is transformers' default, which GPT-2 relies on.
    tied = config.get("model_type") == "gpt2"
    return {
        "architecture": (config.get("architectures") or [config.get("model_type", "")])[0],
        "heads": heads,
        "kv_heads": _first(text, "num_key_value_heads") or groups or heads,
        "head_dim": _first(text, "head_dim", "kv_channels") or hidden // heads,
        "layers": _first(text, "num_hidden_layers", "n_layer", "num_layers"),
        "hidden": hidden,
        "vocab": _first(text, "vocab_size", "padded_vocab_size"),
        "max_context": _first(text, "max_position_embeddings", "n_positions", "seq_length"),
        "tied": bool(config.get("tie_word_embeddings", text.get("tie_word_embeddings", tied))),
    }


def _first(config: dict[str, Any], *names: str) -> Any:
    """The first of these that the config has."""
    return next((config[name] for name in names if config.get(name)), None)


def stored_parameters(folder: Path) -> int:
    """How many numbers the safetensors files in ``folder`` hold."""
    return sum(parameters_in(path) for path in folder.glob("*.safetensors"))


def parameters_in(path: Path) -> int:
    """How many numbers one safetensors file holds.

    Raises ValueError if it ends before its last tensor.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > size:
            raise ValueError(f"{path.name} is no safetensors file, or not whole")
        header = json.loads(stream.read(length))
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    if max((tensor["data_offsets"][1] for tensor in tensors), default=0) + length + 8 > size:
        raise ValueError(f"{path.name} ends before its last tensor")
    return sum(math.prod(tensor["shape"]) for tensor in tensors)


def small_files(folder: Path) -> list[Path]:
    """What a tokenizer needs of a model's folder: all but the weights and what is hidden."""
    return [
        path
        for path in sorted(folder.glob("*"))
        if path.is_file()
        and not path.name.startswith(".")
        and path.suffix not in _WEIGHTS
        and not path.name.endswith(".index.json")
        and path.stat().st_size <= _SMALL
    ]

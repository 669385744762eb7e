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
        for problem in _differs(target / name, files[name], rehash)
    ]


def _differs(path: Path, wanted: dict[str, Any], rehash: bool) -> Iterator[str]:
    if not path.is_file():
        yield f"{path.name} is missing"
    elif path.stat().st_size != wanted["size"]:
        yield f"{path.name} has {path.stat().st_size} bytes, {wanted['size']} were written"
    elif rehash and sha256(path) != wanted["sha256"]:
        yield f"{path.name} has another sha256 than was written"


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
    text = config.get("text_config", config)
    heads = text.get("num_attention_heads") or text.get("n_head")
    hidden = text.get("hidden_size") or text.get("n_embd")
    return {
        "architecture": (config.get("architectures") or [config.get("model_type", "")])[0],
        "heads": heads,
        "kv_heads": text.get("num_key_value_heads") or heads,
        "head_dim": text.get("head_dim") or hidden // heads,
        "layers": text.get("num_hidden_layers") or text.get("n_layer"),
        "hidden": hidden,
        "vocab": text.get("vocab_size"),
        "max_context": text.get("max_position_embeddings") or text.get("n_positions"),
        "weight_bytes": sum(path.stat().st_size for path in folder.glob("*.safetensors")),
        "parameters": stored_parameters(folder),
        "tied": bool(config.get("tie_word_embeddings", text.get("tie_word_embeddings", False))),
    }


def stored_parameters(folder: Path) -> int:
    """How many numbers the safetensors files in ``folder`` hold."""
    total = 0
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length))
        tensors = (tensor for name, tensor in header.items() if name != "__metadata__")
        total += sum(math.prod(tensor["shape"]) for tensor in tensors)
    return total

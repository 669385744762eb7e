"""Look at a model's folder before an engine is built from it, and change nothing.

    python PAYLOADS model_look FOLDER --tokenizer FOLDER --record FILE [--remembered-only]

The answer is a line of JSON. The digest of the files is remembered in FILE by their sizes, times
and inodes, so that a hundred gigabytes are read once. While they are read, stdin is a lifeline.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import struct
import threading
from pathlib import Path
from typing import Any

from clusterkit.payloads.digests import digests
from clusterkit.payloads.model_folder import parameters_in, shape_from, small_files

_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "*.tiktoken",
    "vocab.json",
    "vocab.txt",
    "*spiece.model",
    "sentencepiece*.model",
    "ice_text.model",
)
_DTYPE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


def main() -> None:
    """Print what is there."""
    parser = argparse.ArgumentParser(prog="model_look", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--remembered-only", action="store_true")
    arguments = parser.parse_args()
    if not arguments.remembered_only:
        threading.Thread(target=end_with_stdin, daemon=True).start()
    folder, tokenizer = arguments.folder, arguments.tokenizer
    row = look(folder, tokenizer)
    wrong = row["missing"] or row["broken"] or row["unreadable"]
    if row["shape"] and row["weights"] and not wrong:
        files = {name: folder / name for name in row["files"]}
        if tokenizer != folder:
            files.update({f"tokenizer/{path.name}": path for path in small_files(tokenizer)})
        row["digest"] = digest_of(files, arguments.record, only=arguments.remembered_only)
    print(json.dumps(row), flush=True)


def end_with_stdin() -> None:
    """Wait for the end of stdin, then for nothing else."""
    while os.read(0, 4096):
        pass
    os._exit(1)


def look(folder: Path, tokenizer: Path) -> dict[str, Any]:
    """What is in the two folders; no weight is read but for the heads of safetensors."""
    unreadable: dict[str, str] = {}
    files = _sizes(folder, unreadable)
    weights = [name for name in files if _is_weights(name)]
    config = _config(folder / "config.json", unreadable) if "config.json" in files else None
    named = _named(folder, unreadable)
    broken, parameters = _tensors(folder, weights)
    if parameters is None and weights:
        parameters = _indexed_parameters(folder, config or {})
    return {
        "event": "looked",
        "folder": str(folder),
        "is_there": _kind(folder),
        "config": config,
        "has_config": "config.json" in files,
        "shape": _shape(folder, config, files, parameters, unreadable)
        if config is not None
        else None,
        "files": files,
        "weights": weights,
        "missing": sorted(named - files.keys()),
        "broken": broken,
        "parameters": parameters,
        "tokenizer": str(tokenizer),
        "tokenizer_files": sorted({p.name for kind in _TOKENIZERS for p in tokenizer.glob(kind)}),
        "unreadable": unreadable,
        "digest": None,
    }


def digest_of(files: dict[str, Path], record: Path, *, only: bool) -> str | None:
    """The digest of names and contents; those are read that changed since ``record``.

    ``only`` what is remembered: None where a file would have to be read.
    """
    remembered = _recall(record)
    stamps = {name: _stamp(path) for name, path in files.items()}
    known = {n: remembered[stamp] for n, stamp in stamps.items() if stamp in remembered}
    lacking = {name: path for name, path in files.items() if name not in known}
    if lacking and only:
        return None
    if lacking:
        known.update(digests(lacking, told=_tell_progress))
        found = {stamps[name]: digest for name, digest in known.items()}
        _remember(record, {**remembered, **found})
    text = "".join(f"{name}\0{known[name]}\n" for name in sorted(known))
    return hashlib.sha256(text.encode()).hexdigest()


def _tell_progress(done: int, total: int) -> None:
    print(json.dumps({"event": "progress", "done": done, "total": total}), flush=True)


def _kind(folder: Path) -> str:
    if folder.is_dir():
        return "folder"
    return "file" if folder.exists() else "absent"


def _sizes(folder: Path, unreadable: dict[str, str]) -> dict[str, int]:
    """The files of the folder itself; hidden ones do not count."""
    if not folder.is_dir():
        return {}
    try:
        paths = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    except OSError as error:
        unreadable[str(folder)] = str(error.strerror)
        return {}
    for path in paths:
        if path.is_file() and not os.access(path, os.R_OK):
            unreadable[str(path)] = "permission denied"
    return {path.name: path.stat().st_size for path in paths if path.is_file()}


def _is_weights(name: str) -> bool:
    if name.endswith(".safetensors"):
        return True
    return name.endswith(".bin") and name != "training_args.bin"


def _config(path: Path, unreadable: dict[str, str]) -> dict[str, Any] | None:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        unreadable[str(path)] = str(error)
        return None
    if isinstance(config, dict):
        return config
    unreadable[str(path)] = "it is no JSON object"
    return None


def _shape(
    folder: Path,
    config: dict[str, Any],
    files: dict[str, int],
    parameters: int | None,
    unreadable: dict[str, str],
) -> dict[str, Any] | None:
    """What a planner must know; parameters are estimated where no file tells them."""
    try:
        shape = shape_from(config)
    except (TypeError, ZeroDivisionError, AttributeError, IndexError):
        shape = {"shape": None}
    if None in shape.values():
        names = ", ".join(name for name, value in shape.items() if value is None)
        unreadable[str(folder / "config.json")] = f"it does not tell the model's {names}"
        return None
    weight_bytes = sum(size for name, size in files.items() if _is_weights(name))
    estimate = weight_bytes // _dtype_bytes(config)
    return {**shape, "weight_bytes": weight_bytes, "parameters": parameters or estimate}


def _named(folder: Path, unreadable: dict[str, str]) -> set[str]:
    """The files that an index names: those of safetensors, or else of PyTorch."""
    for name in _INDEXES:
        path = folder / name
        if not path.is_file():
            continue
        try:
            return set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            unreadable[str(path)] = f"{type(error).__name__}: {error}"
    return set()


def _tensors(folder: Path, weights: list[str]) -> tuple[list[str], int | None]:
    """The safetensors files that are not whole, and how many numbers all of them hold."""
    total, broken = 0, []
    names = [name for name in weights if name.endswith(".safetensors")]
    for name in names:
        try:
            total += parameters_in(folder / name)
        except PermissionError:
            continue  # which was told
        except (ValueError, KeyError, TypeError, AttributeError, struct.error, OSError):
            broken.append(name)
    return broken, total if names and not broken else None


def _indexed_parameters(folder: Path, config: dict[str, Any]) -> int | None:
    """What the index of PyTorch's files says, at the size of the model's numbers."""
    try:
        row = json.loads((folder / _INDEXES[1]).read_text(encoding="utf-8"))
        return int(row["metadata"]["total_size"]) // _dtype_bytes(config)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _dtype_bytes(config: dict[str, Any]) -> int:
    return _DTYPE_BYTES.get(str(config.get("torch_dtype") or config.get("dtype")), 2)


def _stamp(path: Path) -> str:
    seen = path.stat()
    return f"{path} {seen.st_ino} {seen.st_size} {seen.st_mtime_ns}"


def _recall(record: Path) -> dict[str, str]:
    try:
        row = json.loads(record.read_text(encoding="utf-8"))
        return dict(row["digests"]) if row["version"] == 1 else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _remember(record: Path, found: dict[str, str]) -> None:
    record.parent.mkdir(parents=True, exist_ok=True)
    draft = record.with_name(f"{record.name}.{os.getpid()}")
    text = json.dumps({"version": 1, "digests": found}, indent=1)
    draft.write_text(text, encoding="utf-8")
    draft.rename(record)

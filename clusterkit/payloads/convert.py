"""Turn a model into a folder of safetensors that every rank can load, or check such a folder.

    python PAYLOADS convert SOURCE TARGET --name NAME --source-sha256 HEX
    python PAYLOADS convert --check TARGET       sizes of all files against the manifest
    python PAYLOADS convert --verify TARGET      their sha256 as well
    python PAYLOADS convert --describe FOLDER    what the model in any folder is

SOURCE is a GGUF file or a Hugging Face folder. The result is written beside TARGET and published
by one rename, so TARGET is whole or absent, and two conversions at once do no harm. The folder
is finished once it has a ``manifest.json``. Progress goes to stdout as lines of JSON. While
it converts, stdin is a lifeline: when it ends, the one who asked is gone, and so is the work.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, NoReturn

from clusterkit.payloads.model_folder import differences, sha256, shape_of
from clusterkit.payloads.model_protocol import DIFFERS, FORMAT, MANIFEST
from clusterkit.payloads.publishing import LOCK, publish, remove_abandoned
from clusterkit.payloads.quiet import quiet

_NOT_COPIED = {".bin", ".pth", ".gguf"}  # the weights once more, in other formats


def main() -> NoReturn:
    """Exit with 0: done, 1: failed, 3: the folder differs from its manifest."""
    sys.exit(convert_or_look())


def convert_or_look() -> int:
    """Do what the command line asks for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="convert", description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", metavar="SOURCE TARGET", type=Path)
    parser.add_argument("--name", default="")
    parser.add_argument("--source-sha256", default="")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true")
    group.add_argument("--verify", action="store_true")
    group.add_argument("--describe", action="store_true")
    arguments = parser.parse_args()
    if arguments.check or arguments.verify:
        return report_differences(arguments.folders[0], rehash=arguments.verify)
    if arguments.describe:
        tell(event="described", shape=shape_of(arguments.folders[0]))
        return 0
    source, target = arguments.folders
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        convert(source, target, name=arguments.name, source_sha256=arguments.source_sha256)
    except Exception as error:
        tell(event="error", message=explained(error, source, target))
        if os.environ.get("CLUSTERKIT_DEBUG"):
            raise
        return 1
    return 0


def convert(source: Path, target: Path, *, name: str, source_sha256: str) -> None:
    """Publish ``source`` as ``target``, unless that is already there, to the last byte."""
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(target, source)
    if not differences(target, rehash=True):
        tell(event="published", folder=str(target), changed=False)
        return
    work = Path(tempfile.mkdtemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent))
    lock = os.open(work / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX)
    threading.Thread(target=end_with_stdin, args=(work,), daemon=True).start()
    try:
        write_model(source, work)
        write_manifest(work, name=name, source_sha256=source_sha256)
        changed = publish(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        os.close(lock)
    tell(event="published", folder=str(target), changed=changed)


def end_with_stdin(work: Path) -> NoReturn:
    """Wait for the end of stdin, then leave nothing behind."""
    while os.read(0, 4096):
        pass
    for _ in range(3):  # the main thread may be writing into it
        shutil.rmtree(work, ignore_errors=True)
    os._exit(1)


def write_model(source: Path, work: Path) -> None:
    """Write weights, configuration, tokenizer and chat template into ``work``."""
    if source.is_dir() and any(source.glob("*.safetensors")):
        tell(event="progress", stage="copy", source=str(source))
        for path in sorted(source.iterdir()):
            is_ours = path.name in (MANIFEST, LOCK)
            if path.is_file() and path.suffix not in _NOT_COPIED and not is_ours:
                shutil.copyfile(path, work / path.name)
        return
    tell(event="progress", stage="read", source=str(source))
    scratch = work / ".torch"
    quiet(str(scratch))
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = str(source if source.is_dir() else source.parent)
    where = {} if source.is_dir() else {"gguf_file": source.name}
    tokenizer = AutoTokenizer.from_pretrained(folder, **where)
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, **where)
    config = loaded.config
    if getattr(config, "quantization_config", None) is not None:
        del config.quantization_config  # the weights are not quantized any more
    config.dtype = torch.bfloat16
    # A model that came from a GGUF refuses to be saved; a fresh one with its weights does not.
    with torch.device("meta"):
        fresh = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    fresh.load_state_dict(loaded.state_dict(), strict=True, assign=True)
    fresh.tie_weights()
    fresh.generation_config = loaded.generation_config
    tell(event="progress", stage="write", source=str(source))
    fresh.save_pretrained(work, safe_serialization=True)
    tokenizer.save_pretrained(work)
    shutil.rmtree(scratch, ignore_errors=True)


def write_manifest(work: Path, *, name: str, source_sha256: str) -> None:
    """Describe the files, the model's shape and the tools; the folder is complete with it."""
    tell(event="progress", stage="checksum", source=str(work))
    names = sorted(path.name for path in work.iterdir() if path.name != LOCK)
    for name_ in names:
        (work / name_).chmod(0o644)  # save_pretrained leaves weights that only their owner reads
    files = {
        name: {"size": (work / name).stat().st_size, "sha256": sha256(work / name)}
        for name in names
    }
    manifest = {
        "version": 1,
        "name": name,
        "source_sha256": source_sha256,
        "format": FORMAT,
        "files": files,
        "shape": shape_of(work),
        "versions": versions(),
    }
    (work / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def report_differences(target: Path, *, rehash: bool) -> int:
    """Print the manifest and what is not as it says."""
    found = differences(target, rehash=rehash)
    if found:
        tell(event="different", folder=str(target), problems=found)
        return DIFFERS
    manifest = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
    tell(event="verified", folder=str(target), manifest=manifest)
    return 0


def versions() -> dict[str, str | None]:
    """The tools that made the files."""
    from importlib import metadata

    found: dict[str, str | None] = {"python": sys.version.split()[0]}
    for package in ("torch", "transformers", "gguf", "safetensors"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def explained(error: BaseException, source: Path, target: Path) -> str:
    """An error in words that say what to do."""
    if isinstance(error, OSError) and error.errno == 28:
        return f"{target.parent}: no space left on the device. Fix: free some, or change `storage`"
    if isinstance(error, ImportError):
        return (
            f"{sys.executable} cannot convert a model: {error}. "
            "Fix: install transformers, torch, gguf and safetensors there"
        )
    return (
        f"{source}: {type(error).__name__}: {error}. Fix: see that it is a whole model of a kind "
        "that transformers knows, and fetch it anew if it is not"
    )


def tell(**event: Any) -> None:
    """Print one event."""
    print(json.dumps(event), flush=True)

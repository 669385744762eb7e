"""Take a built model from stdin: `receive_model TARGET`; it is whole and verified, or not there.

First comes the manifest as one line of JSON, then the files that it names, one after the other in
the order of their names. They are written beside TARGET and published by one rename, once each
has the size and the sha256 of the manifest. When stdin ends early, or nothing comes for a minute,
nothing is left behind. One line of JSON on stdout says how it ended.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import select
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from clusterkit.payloads.convert import tell
from clusterkit.payloads.model_protocol import CHUNK_BYTES, MANIFEST, PATIENCE_S
from clusterkit.payloads.publishing import LOCK, publish, remove_abandoned, why_not_written


def main() -> NoReturn:
    """Exit with 0: the model is there; 1: it is not, and nothing of it."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    target = Path(sys.argv[1])
    try:
        receive(target, Input(0))
    except Exception as error:
        tell(event="failed", why=_explained(error, target))
        sys.exit(1)
    tell(event="placed")
    sys.exit(0)


def receive(target: Path, source: Input) -> None:
    """Write what comes beside ``target``, and give it that name when it is whole."""
    text = source.line()
    files: dict[str, Any] = json.loads(text)["files"]
    if any(Path(name).name != name or name in (".", "..", MANIFEST) for name in files):
        raise ValueError("the manifest names files that are no plain names")
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(target, target)
    _check_room(target.parent, sum(file["size"] for file in files.values()))
    work = Path(tempfile.mkdtemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent))
    lock = os.open(work / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        for name in sorted(files):
            _write(work / name, files[name], source)
        (work / MANIFEST).write_bytes(json.dumps(json.loads(text), indent=1).encode() + b"\n")
        publish(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        os.close(lock)


def _check_room(folder: Path, needed: int) -> None:
    """Say so before gigabytes are sent in vain."""
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if free < needed:
        what = f"{free >> 20} MiB are free, and the model has {needed >> 20} MiB"
        raise OSError(errno.ENOSPC, what)


def _write(path: Path, wanted: dict[str, Any], source: Input) -> None:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in source.read(wanted["size"]):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o644)
    if digest.hexdigest() != wanted["sha256"]:
        raise OSError(f"{path.name} came with another sha256 than the manifest says")


class Input:
    """A pipe that is not waited for forever: who sends may be cut off without a word."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = b""

    def line(self) -> bytes:
        """All up to the next newline."""
        while b"\n" not in self._rest:
            self._rest += self._more()
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def read(self, count: int) -> Any:
        """The next ``count`` bytes, in pieces."""
        while count:
            data = self._rest or self._more()
            chunk, self._rest = data[:count], data[count:]
            count -= len(chunk)
            yield chunk

    def _more(self) -> bytes:
        if not select.select([self._fd], [], [], PATIENCE_S)[0]:
            raise TimeoutError(f"nothing came for {PATIENCE_S:g} s")
        data = os.read(self._fd, CHUNK_BYTES)
        if not data:
            raise EOFError("what was sent ended early")
        return data


def _explained(error: BaseException, target: Path) -> str:
    if why := why_not_written(error, target):
        return why
    return f"{type(error).__name__}: {error}. Fix: run the same command again"

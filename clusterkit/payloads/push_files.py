"""What has come of an engine on one node: kept where a second push finds it, published whole.

The files lie in ``TARGET.part``, each as its beginning, in whole chunks. What TARGET already has
and is as it was written is used, so that a node whose ranks change gets only what it lacks.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Set  # noqa: UP035

from clusterkit.payloads.model_protocol import MANIFEST
from clusterkit.payloads.push_protocol import CHUNK_BYTES, WORK

_LOCK, _WANTED = ".lock", ".wanted"
_SYNC_BYTES = 64 << 20  # so that little is left to be written when the last chunk has come
_ABANDONED_S = 7 * 24 * 3600


class Incoming:
    """The files of one engine that belong on this node. ``has`` says how much of each is here."""

    def __init__(self, target: Path, manifest: Mapping[str, Any], names: Sequence[str]) -> None:
        self.target, self.manifest = target, manifest
        self.work = target.with_name(target.name + WORK)
        self.files: Mapping[str, Any] = manifest["files"]
        self.has: Dict[str, int] = {checked(name): 0 for name in names}  # noqa: UP006
        self.damaged: List[str] = []  # noqa: UP006
        self.looked_at = 0
        self._digests = {name: hashlib.sha256() for name in names}
        self._unsynced = 0
        self._lock = -1
        self._came_bad: Set[str] = set()  # noqa: UP006

    def look(self) -> None:
        """See what is here, byte for byte, and that the rest has room.

        Raises:
            OSError: If another push has the folder, or there is no room.
        """
        self.target.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(self.target.parent)
        self.work.mkdir(mode=0o755, exist_ok=True)
        self._take_lock()
        self._forget_others()
        wanted = set(self.has)
        self._use_published()
        for name in list(self.has):
            (self.work / name).parent.mkdir(exist_ok=True)
            self._measure(name)
            if name not in wanted and self.has[name] != self.files[name]["size"]:
                del self.has[name]
                (self.work / name).unlink()
        needed = sum(self.files[name]["size"] - self.has[name] for name in self.has)
        disk = os.statvfs(self.work)
        free = disk.f_bavail * disk.f_frsize
        if free < needed:
            what = f"{free >> 20} MiB are free, and {needed >> 20} MiB are to come"
            raise OSError(errno.ENOSPC, what)

    def path(self, name: str) -> Path:
        """Where a file lies that is whole."""
        return self.work / name

    def keep(self, name: str, position: int, chunk: Any) -> None:
        """Write one chunk, and look at the whole file when it was the last."""
        path = self.work / name
        with path.open("r+b" if position else "wb", buffering=0) as file:
            file.seek(position)
            view = memoryview(chunk)
            while view:
                view = view[file.write(view) :]
            self._unsynced += len(chunk)
            done = position + len(chunk) == self.files[name]["size"]
            if done or self._unsynced >= _SYNC_BYTES:
                os.fdatasync(file.fileno())
                self._unsynced = 0
        self._digests[name].update(chunk)
        self.has[name] = position + len(chunk)
        if done and self._digests[name].hexdigest() != self.files[name]["sha256"]:
            if name in self._came_bad:
                raise OSError(errno.EIO, f"{name} came twice with another sha256 than it had")
            self._came_bad.add(name)
            self._refuse(name)

    def took_bad(self) -> List[str]:  # noqa: UP006
        """The files that came otherwise than they were written, since the last question."""
        bad, self.damaged = self.damaged, []
        return bad

    def publish(self) -> None:
        """Give it the engine's name; an older one makes room, and those who read it go on."""
        files = {name: self.files[name] for name in sorted(self.has)}
        for name in self.has:
            (self.work / name).chmod(0o644)
        text = json.dumps({**self.manifest, "files": files}, indent=1) + "\n"
        with (self.work / MANIFEST).open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside = self.target.with_name(f"{self.target.name}.old{WORK}")
        shutil.rmtree(aside, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            self.target.rename(aside)
        self.work.rename(self.target)
        for name in (_WANTED, _LOCK):
            (self.target / name).unlink()
        shutil.rmtree(aside, ignore_errors=True)
        os.close(self._lock)

    def _take_lock(self) -> None:
        self._lock = os.open(self.work / _LOCK, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OSError(errno.EBUSY, "another push is under way there") from None
        os.utime(self.work)

    def _forget_others(self) -> None:
        """Remove what came of another build of the same name."""
        try:
            former = json.loads((self.work / _WANTED).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            former = {}
        wanted = {name: self.files[name]["sha256"] for name in self.has}
        for path in sorted(self.work.rglob("*"), reverse=True):
            name = str(path.relative_to(self.work))
            if path.is_dir():
                with contextlib.suppress(OSError):
                    path.rmdir()
            elif name != _LOCK and (name not in wanted or former.get(name) != wanted[name]):
                path.unlink()
        (self.work / _WANTED).write_text(json.dumps(wanted), encoding="utf-8")

    def _use_published(self) -> None:
        """Take over from TARGET what the engine still has; it is measured like the rest."""
        try:
            manifest = json.loads((self.target / MANIFEST).read_text(encoding="utf-8"))
            there = dict(manifest["files"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        for name, file in there.items():
            source, path = self.target / name, self.work / checked(name)
            if file != self.files.get(name) or not source.is_file():
                continue
            if name not in self.has:  # of other ranks, that ran here before
                self.has[name] = 0
                self._digests[name] = hashlib.sha256()
            path.parent.mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            with contextlib.suppress(OSError):  # not every file system has links
                os.link(source, path)

    def _measure(self, name: str) -> None:
        """Read the beginning of a file that is here; what is no whole chunk goes."""
        path, size = self.work / name, self.files[name]["size"]
        with path.open("ab"):
            pass
        there = path.stat().st_size
        if there > size or (there < size and path.stat().st_nlink > 1):
            self._refuse(name)
            return
        usable = there if there == size else there // CHUNK_BYTES * CHUNK_BYTES
        if usable != there:
            os.truncate(path, usable)
        with path.open("rb") as file:
            for chunk in iter(lambda: file.read(CHUNK_BYTES), b""):
                self._digests[name].update(chunk)
                self.looked_at += len(chunk)
        self.has[name] = usable
        if usable == size and self._digests[name].hexdigest() != self.files[name]["sha256"]:
            self._refuse(name)

    def _refuse(self, name: str) -> None:
        """Begin a file anew."""
        self.damaged.append(name)
        (self.work / name).unlink()  # it may be a link to the one that is published
        (self.work / name).touch()
        self._digests[name] = hashlib.sha256()
        self.has[name] = 0


def checked(name: str) -> str:
    """A name that leads to no other folder than the engine's and those in it."""
    parts = name.split("/")
    is_ours = name in (MANIFEST, _LOCK, _WANTED)
    if is_ours or len(parts) > 2 or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"the manifest names a file {name!r}")
    return name


def remove_abandoned(folder: Path) -> None:
    """Remove what is left of pushes that nobody went on with for a week."""
    for work in folder.glob(f"*{WORK}"):
        with contextlib.suppress(OSError):
            if (work / _WANTED).exists() and time.time() - work.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(work, ignore_errors=True)

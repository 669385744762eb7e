"""The folder in which an engine is built, and who may build it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from clusterkit.payloads.build_stages import end_builds_in
from clusterkit.payloads.digests import Stopped
from clusterkit.payloads.model_folder import differences
from clusterkit.payloads.publishing import (
    CHECKPOINT,
    LOCK,
    is_held,
    remove_abandoned,
    remove_work,
)

_MUTEX = ".lock"
_LOOK_EVERY_S = 0.5


class Place:
    """Unfinished work that is ours: its lock is held until :meth:`leave`."""

    def __init__(self, target: Path, work: Path, lock: int) -> None:
        self.target = target
        self.work = work
        self._lock = lock

    @property
    def checkpoint(self) -> Path:
        """Where the stages put what is converted before it is built."""
        return Path(f"{self.work}{CHECKPOINT}")

    @classmethod
    def take(
        cls, target: Path, stop: threading.Event, tell: Callable[..., None], *, verify: bool
    ) -> Place | None:
        """Ours as soon as nobody else builds ``target``; None: it is there, and whole.

        ``verify`` reads what is there to the last byte.
        """
        seen = _identity(target)
        is_whole = not differences(target, rehash=verify)
        target.parent.mkdir(parents=True, exist_ok=True)
        is_told = False
        while True:
            with _alone_in(target.parent):
                for work in target.parent.glob(f"{target.name}.*.part"):
                    if not is_held(work):
                        end_builds_in(work)  # the programs may have outlived who ran them
                remove_abandoned(target, target)
                if _identity(target) != seen:  # another has just published it
                    is_whole = not differences(target)
                if is_whole:
                    return None
                if not any(map(is_held, target.parent.glob(f"{target.name}.*.part"))):
                    return cls._made(target)
            if not is_told:
                tell(event="waiting", why=f"waiting for another build of {target.name}")
                is_told = True
            if stop.wait(_LOOK_EVERY_S):
                raise Stopped

    @classmethod
    def _made(cls, target: Path) -> Place:
        name = tempfile.mkdtemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)
        work = Path(name)
        lock = os.open(work / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return cls(target, work, lock)

    def sync(self) -> None:
        """Have the new name on the disk as well."""
        for folder in (self.target, self.target.parent):
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def leave(self) -> None:
        """Remove what was not published, and let others build."""
        remove_work(self.work)
        os.close(self._lock)


def _identity(folder: Path) -> int | None:
    """Which folder has this name now; None: there is none."""
    try:
        return folder.stat().st_ino
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Look and begin as one: nobody else does either meanwhile."""
    mutex = os.open(folder / _MUTEX, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        yield
    finally:
        os.close(mutex)

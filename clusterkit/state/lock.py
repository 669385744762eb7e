"""Who holds a cluster's lock, and the lock of a cluster on this machine: a file in its folder."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from clusterkit.command import Command
from clusterkit.payloads.processes import birth
from clusterkit.state.files import make_folder, write

Holder = dict[str, str]
"""Who, where, which process and which verb; as JSON in the lock."""
_UNKNOWN = dict.fromkeys(("id", "user", "host", "verb", "pid", "since", "started"), "unknown")


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Between the look at a dead holder and taking its lock, nobody else of this machine may."""
    make_folder(folder)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class FileLock:
    """A file in the cluster's folder. Take and release it under :func:`one_at_a_time`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "lock.json"
        self.hint = f"remove it with `{Command(('rm', str(self._file)))}`"

    def take(self, holder: Holder) -> Holder:
        """Who holds it now: ``holder``, or somebody who was first."""
        try:
            return holder_of(self._file.read_text())
        except FileNotFoundError:
            write(self._file, json.dumps(holder).encode())
            return holder

    def release(self, holder: Holder) -> None:
        """Remove the file, if it is still this holder's."""
        if self.take(holder)["id"] == holder["id"]:
            self._file.unlink()
            with suppress(OSError):  # a cluster that never came up leaves no folder behind
                self._file.parent.rmdir()


def new_holder(verb: str) -> Holder:
    """This process."""
    return {
        "id": secrets.token_hex(8),
        "user": _user(),
        "host": platform.node(),
        "pid": str(os.getpid()),
        "started": birth(os.getpid()) or "",
        "verb": verb,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def holder_of(text: str) -> Holder:
    """The holder as it was written; what is not there, or another version wrote, is unknown."""
    try:
        return _UNKNOWN | dict(json.loads(text))
    except (ValueError, TypeError):
        return _UNKNOWN


def is_dead(holder: Holder) -> bool:
    """Whether the holder was a process of this machine that is gone; a pid may be used again."""
    if holder["host"] != platform.node() or not holder["pid"].isdigit():
        return False
    return birth(int(holder["pid"])) != holder["started"]


def _user() -> str:
    """Who runs this; a number where the machine has no name for it, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())

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
_KEYS = ("id", "user", "host", "machine", "boot", "verb", "pid", "since", "started")
_UNKNOWN = dict.fromkeys(_KEYS, "unknown")


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
        "machine": _text("/etc/machine-id"),
        "boot": _boot(),
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
    """Whether the holder was a process of this machine that is gone; a pid may be used again.

    Many machines are called `ubuntu` or `localhost`, so a name alone proves nothing: who began
    before the last start of this very machine is gone, and of others nothing can be said.
    """
    if holder["host"] != platform.node() or not holder["pid"].isdigit():
        return False
    if holder["boot"] != _boot():
        return holder["machine"] == _text("/etc/machine-id") != ""
    return birth(int(holder["pid"])) != holder["started"]


def _boot() -> str:
    """The start of this machine, and the processes among which a pid means one of ours."""
    boot = _text("/proc/sys/kernel/random/boot_id")
    with suppress(OSError):
        boot += f" {Path('/proc/self/ns/pid').readlink()}"
    return boot


def _text(file: str) -> str:
    """What is in a short file; nothing, where it is not there."""
    with suppress(OSError):
        return Path(file).read_text().strip()
    return ""


def _user() -> str:
    """Who runs this; a number where the machine has no name for it, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())

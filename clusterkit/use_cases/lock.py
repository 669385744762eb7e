"""One operator at a time: an atomic create on the cluster's first host, before anything else."""

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

from clusterkit.command import HOST, Command, DockerCall
from clusterkit.errors import ClusterkitError, Locked
from clusterkit.payloads.processes import birth
from clusterkit.providers.docker.names import LOCK_LABEL
from clusterkit.state.files import make_folder, write
from clusterkit.transports.world import World
from clusterkit.use_cases.session import Session


@contextmanager
def locked(session: Session, world: World, verb: str) -> Iterator[None]:
    """Hold the cluster's lock for one verb.

    On a Docker host it is a volume with the holder as its label (making a volume that exists
    answers with the labels of the first one: atomic, and no image is needed); for a cluster on
    this machine it is a file in its state. A holder on this machine that has died loses it.

    Raises:
        Locked: If somebody else holds it, with who, where, which verb and since when.
    """
    holder = _holder(verb)
    lock = (
        _VolumeLock(session, world) if session.cluster.provider == "docker" else _FileLock(session)
    )
    clusters = session.folder.parent
    with _one_at_a_time(clusters):
        found = lock.take(holder)
        if found["id"] != holder["id"] and _is_dead(found):
            lock.release(found)
            found = lock.take(holder)
    if found["id"] != holder["id"]:
        raise Locked(
            f"cluster {session.cluster.name} is locked: {found['user']}@{found['host']} runs "
            f"`clusterkit {found['verb']}` (pid {found['pid']}) since {found['since']}. "
            f"Fix: wait for it to end; if it is gone, {lock.hint}"
        )
    try:
        yield
    except BaseException:
        # What went wrong first says more; a lock that stays is that of a dead holder soon.
        with suppress(ClusterkitError), _one_at_a_time(clusters):
            lock.release(holder)
        raise
    with _one_at_a_time(clusters):
        lock.release(holder)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Between the look at a dead holder and taking its lock, nobody else of this machine may."""
    make_folder(folder)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class _VolumeLock:
    """A labelled volume on the Docker host."""

    def __init__(self, session: Session, world: World) -> None:
        self._world = world
        self._name = f"clusterkit-{session.cluster.name}-lock"
        self.hint = f"remove it with `docker volume rm {self._name}`"

    def take(self, holder: dict[str, str]) -> dict[str, str]:
        labels = {LOCK_LABEL: json.dumps(holder)}
        made = self._world.perform(HOST, DockerCall("volume", self._name, {"labels": labels}))
        found = json.loads(made.check().stdout)["labels"] or {}
        return _read(found.get(LOCK_LABEL, ""))

    def release(self, holder: dict[str, str]) -> None:
        """Remove the volume, if it is still this holder's."""
        if self.take(holder)["id"] == holder["id"]:
            self._world.perform(HOST, DockerCall("remove-volume", self._name)).check()


class _FileLock:
    """A file in the cluster's state."""

    def __init__(self, session: Session) -> None:
        self._file = session.folder / "lock.json"
        self.hint = f"remove it with `{Command(('rm', str(self._file)))}`"

    def take(self, holder: dict[str, str]) -> dict[str, str]:
        try:
            return _read(self._file.read_text())
        except FileNotFoundError:
            write(self._file, json.dumps(holder).encode())
            return holder

    def release(self, holder: dict[str, str]) -> None:
        """Remove the file, if it is still this holder's."""
        if self.take(holder)["id"] == holder["id"]:
            self._file.unlink()
            with suppress(OSError):  # a cluster that never came up leaves no folder behind
                self._file.parent.rmdir()


_UNKNOWN = dict.fromkeys(("id", "user", "host", "verb", "pid", "since", "started"), "unknown")


def _read(text: str) -> dict[str, str]:
    """The holder; what is not there, or another version wrote, is unknown."""
    try:
        return _UNKNOWN | dict(json.loads(text))
    except (ValueError, TypeError):
        return _UNKNOWN


def _holder(verb: str) -> dict[str, str]:
    return {
        "id": secrets.token_hex(8),
        "user": _user(),
        "host": platform.node(),
        "pid": str(os.getpid()),
        "started": birth(os.getpid()) or "",
        "verb": verb,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _user() -> str:
    """Who runs this; a number where the machine has no name for it, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _is_dead(holder: dict[str, str]) -> bool:
    """Whether the holder was a process of this machine that is gone; a pid may be used again."""
    if holder["host"] != platform.node() or not holder["pid"].isdigit():
        return False
    return birth(int(holder["pid"])) != holder["started"]

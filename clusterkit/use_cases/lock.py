"""One operator at a time: an atomic create on the cluster's first host, before anything else."""

from __future__ import annotations

import getpass
import json
import os
import platform
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from clusterkit.command import HOST, DockerCall
from clusterkit.errors import Locked
from clusterkit.state.files import write
from clusterkit.transports.world import World
from clusterkit.use_cases.session import Session

_LABEL = "clusterkit.lock"


@contextmanager
def locked(session: Session, world: World, verb: str) -> Iterator[None]:
    """Hold the cluster's lock for one verb.

    On a Docker host it is a volume with the holder as its label (making a volume that exists
    answers with the labels of the first one: atomic, and no image is needed); for a cluster on
    this machine it is a folder in its state. A holder on this machine that has died loses it.

    Raises:
        Locked: If somebody else holds it, with who, where, which verb and since when.
    """
    holder = _holder(verb)
    lock = (
        _VolumeLock(session, world)
        if session.cluster.provider == "docker"
        else _FolderLock(session)
    )
    found = lock.take(holder)
    if found["id"] != holder["id"] and _is_dead(found):
        lock.release()
        found = lock.take(holder)
    if found["id"] != holder["id"]:
        raise Locked(
            f"cluster {session.cluster.name} is locked: {found['user']}@{found['host']} runs "
            f"`clusterkit {found['verb']}` (pid {found['pid']}) since {found['since']}. "
            f"Fix: wait for it to end; if it is gone, {lock.hint}"
        )
    try:
        yield
    finally:
        lock.release()


class _VolumeLock:
    """A labelled volume on the Docker host."""

    def __init__(self, session: Session, world: World) -> None:
        self._world = world
        self._name = f"clusterkit-{session.cluster.name}-lock"
        self.hint = f"remove it with `docker volume rm {self._name}`"

    def take(self, holder: dict[str, str]) -> dict[str, str]:
        labels = {_LABEL: json.dumps(holder)}
        made = self._world.perform(HOST, DockerCall("volume", self._name, {"labels": labels}))
        found: dict[str, str] = json.loads(json.loads(made.check().stdout)["labels"][_LABEL])
        return found

    def release(self) -> None:
        self._world.perform(HOST, DockerCall("remove-volume", self._name)).check()


class _FolderLock:
    """A folder in the cluster's state; making a folder is atomic."""

    def __init__(self, session: Session) -> None:
        self._folder = session.folder / "lock"
        self.hint = f"remove it with `rm -r {self._folder}`"

    def take(self, holder: dict[str, str]) -> dict[str, str]:
        self._folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self._folder / "holder.json"
        try:
            self._folder.mkdir()
        except FileExistsError:
            return _read(file)
        write(file, json.dumps(holder).encode())
        return holder

    def release(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):  # a cluster that never came up leaves no folder behind
            self._folder.parent.rmdir()


def _read(file: Path) -> dict[str, str]:
    """The holder; between making the folder and writing the file nobody is known yet."""
    unknown = dict.fromkeys(("id", "user", "host", "verb", "pid", "since", "started"), "unknown")
    try:
        found: dict[str, str] = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return unknown
    return unknown | found


def _holder(verb: str) -> dict[str, str]:
    return {
        "id": secrets.token_hex(8),
        "user": getpass.getuser(),
        "host": platform.node(),
        "pid": str(os.getpid()),
        "started": _started(os.getpid()),
        "verb": verb,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _is_dead(holder: dict[str, str]) -> bool:
    """Whether the holder was a process of this machine that is gone; a pid may be used again."""
    if holder["host"] != platform.node() or not holder["pid"].isdigit():
        return False
    return _started(int(holder["pid"])) != holder["started"]


def _started(pid: int) -> str:
    """When a process began, in clock ticks since boot; empty when there is none (proc(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]

"""One operator at a time: an atomic create on the cluster's first host, before anything else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from clusterkit.command import HOST, Command, DockerCall, Result
from clusterkit.errors import ClusterkitError, Locked, TransportError
from clusterkit.events import Sink
from clusterkit.providers.docker.names import LOCK_LABEL
from clusterkit.state.lock import FileLock, Holder, holder_of, is_dead, new_holder, one_at_a_time
from clusterkit.transports.world import World
from clusterkit.use_cases.contact import meet, pins_told
from clusterkit.use_cases.session import Session


@contextmanager
def locked(
    session: Session, world: World, verb: str, *, sink: Sink = lambda _: None
) -> Iterator[None]:
    """Hold the cluster's lock for one verb.

    On a Docker host it is a volume with the holder as its label (making a volume that exists
    answers with the labels of the first one: atomic, and no image is needed); on machines it is a
    file on the head; for a cluster on this machine it is a file in its state. A holder on this
    machine that has died loses it.

    Raises:
        Locked: If somebody else holds it, with who, where, which verb and since when.
        NodesFailed: If the head cannot be reached; with every other machine that cannot either.
    """
    holder = new_holder(verb)
    lock = _lock(session, world)
    clusters = session.folder.parent
    try:
        with one_at_a_time(clusters), pins_told(session, sink):
            found = lock.take(holder)
            if found["id"] != holder["id"] and is_dead(found):
                lock.release(found)
                found = lock.take(holder)
    except TransportError:
        meet(session, world, sink)
        raise
    if found["id"] != holder["id"]:
        raise Locked(
            f"cluster {session.cluster.name} is locked: {found['user']}@{found['host']} runs "
            f"`clusterkit {found['verb']}` (pid {found['pid']}) since {found['since']}. "
            f"Fix: wait for it to end; if it is gone, {lock.hint}"
        )
    try:
        yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            world.leave_silent()  # the head may be what did not answer
        # What went wrong first says more; a lock that stays is that of a dead holder soon.
        with suppress(ClusterkitError), one_at_a_time(clusters):
            lock.release(holder)
        raise
    with one_at_a_time(clusters):
        lock.release(holder)


def _lock(session: Session, world: World) -> _VolumeLock | _LinkLock | FileLock:
    """The kind of lock that fits the first host."""
    match session.cluster.provider:
        case "docker":
            return _VolumeLock(session, world)
        case "ssh":
            return _LinkLock(session, world)
        case _:
            return FileLock(session.folder)


class _VolumeLock:
    """A labelled volume on the Docker host."""

    def __init__(self, session: Session, world: World) -> None:
        self._world = world
        self._name = f"clusterkit-{session.cluster.name}-lock"
        self.hint = f"remove it with `docker volume rm {self._name}`"

    def take(self, holder: Holder) -> Holder:
        labels = {LOCK_LABEL: json.dumps(holder)}
        made = self._world.perform(HOST, DockerCall("volume", self._name, {"labels": labels}))
        found = json.loads(made.check().stdout)["labels"] or {}
        return holder_of(found.get(LOCK_LABEL, ""))

    def release(self, holder: Holder) -> None:
        """Remove the volume, if it is still this holder's."""
        if self.take(holder)["id"] == holder["id"]:
            self._world.perform(HOST, DockerCall("remove-volume", self._name)).check()


# $1 is the file below the user's home folder, $2 the holder. A link appears whole or not at all,
# and only where there is none. The folder goes with the last lock in it, which may be at any
# moment: then it is made again.
_TAKE = """
file="$HOME/$1"
mine="$file.$$"
trap 'rm -f -- "$mine"; rmdir -- "${file%/*}" 2>/dev/null' EXIT
for again in 1 2 3 4 5 6 7 8 9; do
    why=$({ mkdir -p -m 700 -- "${file%/*}" && printf '%s' "$2" >"$mine"; } 2>&1) || continue
    why=$(ln -- "$mine" "$file" 2>&1)
    cat -- "$file" 2>/dev/null && exit
done
echo "$why" >&2
exit 1
"""
_RELEASE = """
file="$HOME/$1"
test "$(cat -- "$file" 2>/dev/null)" = "$2" || exit 0
rm -f -- "$file" && { rmdir -- "${file%/*}" 2>/dev/null; true; }
"""


class _LinkLock:
    """A file on the head, in the login's own home folder."""

    def __init__(self, session: Session, world: World) -> None:
        self._world, self._head = world, session.cluster.head.name
        self._file = f".clusterkit/{session.cluster.name}.lock"
        self.hint = f"remove ~/{self._file} on {self._head}"

    def take(self, holder: Holder) -> Holder:
        answer = self._script(_TAKE, json.dumps(holder, sort_keys=True))
        if not answer.ok:
            why = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ClusterkitError(
                f"{self._head}: the lock ~/{self._file} cannot be written: "
                f"{why.rpartition(': ')[2]}. Fix: let the user write in the home folder there, "
                "and see that it has free space"
            )
        return holder_of(answer.stdout)

    def release(self, holder: Holder) -> None:
        """Remove the file, if it is still this holder's."""
        self._script(_RELEASE, json.dumps(holder, sort_keys=True)).check()

    def _script(self, text: str, holder: str) -> Result:
        argv = ("sh", "-c", text, "sh", self._file, holder)
        return self._world.machine(self._head).run(Command(argv, timeout_s=30))

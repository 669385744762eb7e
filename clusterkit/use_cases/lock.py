"""One operator at a time: an atomic create on the cluster's first host, before anything else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from clusterkit.command import HOST, DockerCall
from clusterkit.errors import ClusterkitError, Locked
from clusterkit.providers.docker.names import LOCK_LABEL
from clusterkit.state.lock import FileLock, Holder, holder_of, is_dead, new_holder, one_at_a_time
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
    holder = new_holder(verb)
    lock = (
        _VolumeLock(session, world)
        if session.cluster.provider == "docker"
        else FileLock(session.folder)
    )
    clusters = session.folder.parent
    with one_at_a_time(clusters):
        found = lock.take(holder)
        if found["id"] != holder["id"] and is_dead(found):
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
        with suppress(ClusterkitError), one_at_a_time(clusters):
            lock.release(holder)
        raise
    with one_at_a_time(clusters):
        lock.release(holder)


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

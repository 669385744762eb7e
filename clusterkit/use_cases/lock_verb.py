"""``lock``: who holds a cluster's lock, and taking it away from who is gone."""

from __future__ import annotations

from clusterkit.command import HOST, DockerCall, Step
from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.model.lock_options import LockOptions
from clusterkit.results.lock import LockHolder, LockResult
from clusterkit.state.lock import new_holder, time_of
from clusterkit.state.lock_chain import Lock, Seen
from clusterkit.use_cases.lock import told
from clusterkit.use_cases.lock_stores import PlacedStore, machine_look, store_of, volume_of
from clusterkit.use_cases.session import Session, open_world


def look_at_lock(session: Session) -> LockResult:
    """Who holds it now."""
    with open_world(session) as world:
        store = store_of(session, world)
        return _result(session, store, Lock(store, new_holder("lock status")).look())


def release_lock(session: Session, options: LockOptions) -> LockResult:
    """Take the lock from its holder and give it back; who lives notices before the next step.

    Raises:
        UsageError: If the holder lives, and nothing says that this does not matter.
        ClusterkitError: If it changed hands meanwhile.
    """
    with open_world(session) as world:
        store = store_of(session, world)
        lock = Lock(store, new_holder("lock release"))
        seen = lock.look()
        if seen is None:
            return _result(session, store, None)
        if seen.life == "living" and not options.force:
            raise UsageError(
                f"{told(seen)}, and lives. Fix: wait for it to end; if you know better, add "
                "`--force`"
            )
        if not lock.take_over(seen, by_force=options.force):
            raise ClusterkitError(
                f"the lock of cluster {session.cluster.name} changed hands just now. "
                "Fix: see `clusterkit lock status`"
            )
        lock.release()
        return _result(session, store, seen).model_copy(update={"released": True})


def lock_steps(session: Session, options: LockOptions) -> list[Step]:
    """What would be asked, or removed, from the inventory alone."""
    cluster = session.cluster
    is_release = options.action == "release"
    if cluster.provider == "docker" and is_release:
        what = DockerCall("remove-volume", volume_of(cluster.name))
        return [Step(HOST, "remove the lock", what, sign="-", stage="lock")]
    if cluster.provider == "ssh":
        return [Step(cluster.head.name, "look at the lock", machine_look(session), stage="lock")]
    return []


def _result(session: Session, store: PlacedStore, seen: Seen | None) -> LockResult:
    name = session.cluster.name
    if seen is None:
        return LockResult(cluster=name, where=store.where)
    ends = time_of(seen.holder, "expires_after_s")
    who = {key: seen.holder[key] for key in ("user", "host", "pid", "verb", "since")}
    holder = LockHolder(
        **who,
        life=seen.life,
        heard_s_ago=seen.age_s,
        expires_in_s=None if ends is None else max(0.0, ends - seen.age_s),
    )
    return LockResult(cluster=name, where=store.where, holder=holder)

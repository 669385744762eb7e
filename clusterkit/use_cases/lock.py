"""One operator at a time: the lock on the cluster's first host, before anything else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from clusterkit.errors import ClusterkitError, Locked, TransportError
from clusterkit.events import Note, Sink
from clusterkit.model.base import Model
from clusterkit.quantities import duration
from clusterkit.state.lock import new_holder, time_of
from clusterkit.state.lock_chain import Lock, Seen
from clusterkit.transports.world import World
from clusterkit.use_cases.audit import audited
from clusterkit.use_cases.contact import meet, pins_told
from clusterkit.use_cases.lock_held import Held
from clusterkit.use_cases.lock_stores import store_of
from clusterkit.use_cases.session import Session

_LOOKS_EVERY_S = 1.0


@contextmanager
def locked(
    session: Session,
    world: World,
    verb: str,
    options: Model | Mapping[str, Any],
    *,
    sink: Sink = lambda _: None,
) -> Iterator[Held]:
    """Hold the cluster's lock for one verb, and renew it meanwhile; note who did what.

    Nothing is changed through ``world`` while it is not sure that the lock is still ours.

    Raises:
        Locked: If somebody else holds it, with who, where, which verb and since when.
        LockLost: If somebody else has it before the verb has come to its end.
        NodesFailed: If the head cannot be reached; with every other machine that cannot either.
    """
    store = store_of(session, world)
    lock = Lock(store, new_holder(verb))
    try:
        with pins_told(session, sink):
            _take(lock, session, store.where, sink)
    except TransportError:
        meet(session, world, sink)
        raise
    held = Held(lock, session.cluster.name)
    world.guard(held.check)
    try:
        with held.renewed(), audited(session, world, verb, options):
            yield held
    except BaseException as error:
        world.guard(None)
        if isinstance(error, KeyboardInterrupt):
            world.leave_silent()  # the head may be what did not answer
        # What went wrong first says more; a lock that stays is that of a dead holder soon.
        with suppress(ClusterkitError):
            lock.release()
        if held.lost not in (None, error) and isinstance(error, ClusterkitError):
            raise held.lost from error
        raise
    world.guard(None)
    lock.release()


def _take(lock: Lock, session: Session, where: str, sink: Sink) -> None:
    """Take it, waiting for whoever has it as long as the user wants to."""
    until = time.monotonic() + session.lock_wait_s
    waited_for = ""

    def watch(seen: Seen, span_s: float) -> None:
        sink(Note(f"{told(seen)}, {heard(seen)}: waiting {duration(span_s)} for a sign of life"))

    while (seen := lock.take(watch)) is not None:
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise Locked(f"cluster {session.cluster.name} is locked: {_why(seen, where)}")
        if seen.holder["id"] != waited_for:
            waited_for = seen.holder["id"]
            sink(Note(f"waiting for the lock: {told(seen)}"))
        time.sleep(min(left_s, _LOOKS_EVERY_S))


def told(seen: Seen) -> str:
    """Who has it."""
    who = seen.holder
    return (
        f"{who['user']}@{who['host']} runs `clusterkit {who['verb']}` (pid {who['pid']}) "
        f"since {who['since']}"
    )


def heard(seen: Seen) -> str:
    """When it gave its last sign of life."""
    return f"last heard of {duration(seen.age_s)} ago"


def _why(seen: Seen, where: str) -> str:
    """Who has it, and what to do about that."""
    ends = time_of(seen.holder, "expires_after_s")
    force = "`clusterkit lock release --force --inventory INVENTORY`"
    if seen.holder["id"] == "unknown":
        return f"{where} cannot be read. Fix: if nobody changes the cluster now, {force}"
    gone = "if it is gone, " + (
        force if ends is None else f"its lock ends {ends:g} s after its last sign of life"
    )
    return f"{told(seen)}. Fix: wait for it to end, for example with `--lock-wait 600`; {gone}"

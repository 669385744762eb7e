"""How a lock is taken, renewed, taken over and given back, wherever its entries are kept.

The first entry of a lock is the one named ``lock``. Whoever takes over from a holder makes the
entry ``after-ID`` with that holder's id, so the lock is a chain, and the last entry is that of the
one who holds it now. All that a store must do at once is to make an entry unless it is there: of
any number who take over from one holder, one makes it. Only who made the entry after the last one
may end the chain, so giving back begins with an entry after one's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from clusterkit.state.lock import Holder, is_alive_here, is_dead, time_of

ROOT = "lock"
_TRIES = 20
_PAUSE_S = 0.1
_BEATS_WATCHED = 1.2

Life = Literal["living", "silent", "dead"]
"""dead: seen to be gone. silent: without a sign of life for longer than its holder had said."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, and when it was made or last renewed by the clock of its store, in seconds."""

    holder: Holder
    beat_at: float


class LockStore(Protocol):
    """Where the entries of one lock are kept."""

    def first(self, name: str, holder: Holder) -> Holder:
        """Make an entry unless it is there; whose it is now."""
        ...

    def entries(self) -> Mapping[str, Entry]:
        """All entries now, by name."""
        ...

    def now(self) -> float:
        """The clock that is meant by :class:`Entry`."""
        ...

    def beat(self, name: str, holder: Holder) -> None:
        """Renew an entry; one that is gone stays so."""
        ...

    def drop(self, names: Sequence[str]) -> None:
        """Remove entries in this order."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """Who holds a lock. ``age_s``: since the last sign of life."""

    holder: Holder
    beat_at: float
    age_s: float
    life: Life


class Lock:
    """One process's view of a lock. ``pause`` is how it waits for signs of life of others."""

    def __init__(
        self, store: LockStore, me: Holder, *, pause: Callable[[float], object] = time.sleep
    ) -> None:
        self.me = me
        self._store, self._pause = store, pause
        self._name = ROOT

    def take(self, on_watch: Callable[[Seen, float], None] = lambda *_: None) -> Seen | None:
        """Take the lock; None: it is ours, else who has it.

        Clocks can jump: of one that is silent, ``on_watch`` is told for how long a sign of life
        is waited for, before it is taken over.
        """
        for _ in range(_TRIES):
            if self._store.first(ROOT, self.me)["id"] == self.me["id"]:
                self._name = ROOT
                return None
            seen = self.look()
            if seen is None:
                continue  # given back just now
            if seen.life == "living" or (seen.life == "silent" and self._stirs(seen, on_watch)):
                return seen
            if self.take_over(seen):
                return None
        return self.look()

    def look(self) -> Seen | None:
        """Who holds it now; None: nobody does."""
        entries = self._store.entries()
        chain = _chain(entries)
        if not chain:
            return None
        holder = chain[-1]
        beat_at = _beat_at(entries, holder)
        age_s = max(0.0, self._store.now() - beat_at)
        return Seen(holder, beat_at, age_s, _life(holder, age_s))

    def take_over(self, seen: Seen, *, by_force: bool = False) -> bool:
        """Whether the lock is ours now, after who was seen; not if they stirred meanwhile."""
        name = _after(seen.holder)
        if self._store.first(name, self.me)["id"] != self.me["id"]:
            return False
        entries = self._store.entries()
        before = [holder["id"] for holder in _chain(entries)][-2:-1]
        stirred = _beat_at(entries, seen.holder) != seen.beat_at
        if before != [seen.holder["id"]] or (stirred and not by_force):
            self._store.drop([name])
            return False
        self._name = name
        return True

    def beat(self) -> bool:
        """Give a sign of life; False: the lock is somebody else's, or was removed."""
        self._store.beat(self._name, self.me)
        for _ in range(_TRIES):
            entries = self._store.entries()
            holders = [holder["id"] for holder in _chain(entries)]
            if self.me["id"] not in holders:
                break
            if holders[-1] == self.me["id"]:
                return True
            self._pause(_PAUSE_S)  # whoever saw us silent may see that we are not, and withdraw
        self._store.drop([name for name in entries if name.startswith(f"beat-{self.me['id']}-")])
        return False

    def release(self) -> None:
        """Give it back, if it is still ours; and remove what crashed ones left behind."""
        end = self.me | {"id": f"{self.me['id']}-end"}
        while self._store.first(_after(self.me), end)["id"] != end["id"]:
            if not self.beat():
                return
        entries = self._store.entries()
        names = [name for name in entries if name != ROOT]
        if self.me["id"] in [holder["id"] for holder in _chain(entries)]:
            names.insert(0, ROOT)  # the lock is free from the moment at which this one goes
        self._store.drop(names)

    def _stirs(self, seen: Seen, on_watch: Callable[[Seen, float], None]) -> bool:
        """Whether who was silent gives a sign of life within the time of a beat."""
        span_s = _BEATS_WATCHED * (time_of(seen.holder, "beats_every_s") or 0.0)
        on_watch(seen, span_s)
        until = time.monotonic() + span_s
        while (left_s := until - time.monotonic()) > 0:
            self._pause(min(left_s, 1.0))
            if _beat_at(self._store.entries(), seen.holder) != seen.beat_at:
                return True
        return False


def _after(holder: Holder) -> str:
    return f"after-{holder['id']}"


def _chain(entries: Mapping[str, Entry]) -> list[Holder]:
    """From the first to the last; entries that belong to no holder of it count for nothing."""
    chain: list[Holder] = []
    name = ROOT
    while name in entries and entries[name].holder["id"] not in [each["id"] for each in chain]:
        chain.append(entries[name].holder)
        name = _after(chain[-1])
    return chain


def _beat_at(entries: Mapping[str, Entry], holder: Holder) -> float:
    """The last sign of life: some stores renew an entry, others make one more."""
    beats = [each.beat_at for each in entries.values() if each.holder["id"] == holder["id"]]
    return max(beats, default=0.0)


def _life(holder: Holder, age_s: float) -> Life:
    if is_dead(holder):
        return "dead"
    expires_after_s = time_of(holder, "expires_after_s")
    if is_alive_here(holder) or expires_after_s is None or age_s <= expires_after_s:
        return "living"
    return "silent"

"""A lock that this process holds: renewed in the background, and looked at before changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from clusterkit.errors import ClusterkitError, LockLost
from clusterkit.state.lock import time_of
from clusterkit.state.lock_chain import Lock

_ENDS_WITHIN_S = 5.0
_SURE_FOR = 0.6
"""The part of the time until others may take over, in which the last sign of life is enough."""


class Held:
    """The holder's side. ``lost`` is why the lock is ours no more."""

    def __init__(self, lock: Lock, cluster: str) -> None:
        self.lost: LockLost | None = None
        self._lock, self._cluster = lock, cluster
        self._every_s = time_of(lock.me, "beats_every_s") or 0.0
        self._sure_s = _SURE_FOR * (time_of(lock.me, "expires_after_s") or 0.0)
        self._beat_at_s = _clock_s()
        self._beating = threading.Lock()

    def check(self) -> None:
        """Return if the lock is ours; one who was stopped for long finds out here.

        Raises:
            LockLost: If it is not.
            ClusterkitError: If that cannot be found out.
        """
        if self.lost is None and _clock_s() - self._beat_at_s > self._sure_s:
            with self._beating:
                if _clock_s() - self._beat_at_s > self._sure_s:
                    self._beat()
        if self.lost is not None:
            raise self.lost

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew it in the background."""
        ending = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(ending,), daemon=True)
        renewing.start()
        try:
            yield
        finally:
            ending.set()
            # One that is under way would come after the lock was given back.
            if self._beating.acquire(timeout=_ENDS_WITHIN_S):
                self._beating.release()

    def _renew(self, ending: threading.Event) -> None:
        while not ending.wait(self._every_s) and self.lost is None:
            with self._beating, suppress(ClusterkitError):  # who does not answer may answer soon
                if not ending.is_set():
                    self._beat()

    def _beat(self) -> None:
        began_s = _clock_s()
        if self._lock.beat():
            self._beat_at_s = began_s
            return
        seen = self._lock.look()
        who = f"{seen.holder['user']}@{seen.holder['host']} has it now" if seen else "it is gone"
        self.lost = LockLost(
            f"`{self._lock.me['verb']}` has lost the lock of cluster {self._cluster}: {who}. "
            "Nothing was changed after that was seen. Fix: see `clusterkit lock status`, then run "
            "it again"
        )


def _clock_s() -> float:
    """A clock that goes on while this machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

"""Wait for file descriptors, signals and time, and call what was asked for; no threads."""

from __future__ import annotations

import heapq
import os
import selectors
import signal
import time
from collections.abc import Callable


class Loop:
    """One for each process; signals arrive as calls between the others."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._calls: dict[int, dict[int, Callable[[], None]]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._timers_made = 0
        self._signals: dict[int, Callable[[], None]] = {}
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._wakeups = (reader, writer)
        self.on_readable(reader, self._take_signals)

    def on_readable(self, fd: int, call: Callable[[], None] | None) -> None:
        """Call when ``fd`` can be read; None: no more."""
        self._watch(fd, selectors.EVENT_READ, call)

    def on_writable(self, fd: int, call: Callable[[], None] | None) -> None:
        """Call when ``fd`` can be written; None: no more."""
        self._watch(fd, selectors.EVENT_WRITE, call)

    def forget(self, fd: int) -> None:
        """Watch ``fd`` no more; needed before it is closed."""
        if self._calls.pop(fd, None):
            self._selector.unregister(fd)

    def on_signal(self, number: int, call: Callable[[], None]) -> None:
        """Call after this process received the signal."""
        self._signals[number] = call
        signal.signal(number, lambda *_: None)

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call once, by the monotonic clock."""
        self._timers_made += 1
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._timers_made, call))

    def close(self) -> None:
        """Give back what the loop itself holds; for a process that goes on without one."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        for fd in self._wakeups:
            os.close(fd)

    def run_until(self, done: Callable[[], bool], timeout_s: float = float("inf")) -> bool:
        """Serve until ``done()``, or for ``timeout_s``; say whether it is done."""
        deadline = time.monotonic() + timeout_s
        while not done():
            wait_s = min(deadline, self._timers[0][0] if self._timers else deadline)
            wait_s -= time.monotonic()
            if wait_s <= 0 and time.monotonic() >= deadline:
                return False
            self._serve(None if wait_s == float("inf") else max(0.0, wait_s))
        return True

    def _serve(self, wait_s: float | None) -> None:
        for key, events in self._selector.select(wait_s):
            for event in (selectors.EVENT_READ, selectors.EVENT_WRITE):
                # Looked up at the last moment: an earlier call may have forgotten this one.
                call = self._calls.get(key.fd, {}).get(event)
                if events & event and call is not None:
                    call()
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()

    def _watch(self, fd: int, event: int, call: Callable[[], None] | None) -> None:
        calls = self._calls.setdefault(fd, {})
        known = bool(calls)
        if call is None:
            calls.pop(event, None)
        else:
            calls[event] = call
        if not calls:
            del self._calls[fd]
            if known:
                self._selector.unregister(fd)
        elif known:
            self._selector.modify(fd, sum(calls))
        else:
            self._selector.register(fd, sum(calls))

    def _take_signals(self) -> None:
        for number in sorted(set(os.read(self._wakeups[0], 4096))):
            if number in self._signals:
                self._signals[number]()

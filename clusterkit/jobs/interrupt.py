"""The user's wish to stop, from a signal handler to where a job is waited for."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interrupt:
    """Counts how often the user pressed Ctrl-C, and wakes whoever waits for it.

    ``press`` may be called from a signal handler: it takes no lock.
    """

    def __init__(self) -> None:
        self.count = 0
        self._wake: Callable[[], None] | None = None

    def press(self) -> None:
        """Count one more wish to stop."""
        self.count += 1
        if self._wake is not None:
            self._wake()

    def on_press(self, wake: Callable[[], None] | None) -> None:
        """Call ``wake`` at every press from now on; it must not take a lock either."""
        self._wake = wake


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Turn SIGINT and SIGTERM into presses meanwhile; for the main thread.

    Outside of it, Ctrl-C is Python's own KeyboardInterrupt again.
    """
    interrupt = Interrupt()
    before = {
        number: signal.signal(number, lambda *_: interrupt.press())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

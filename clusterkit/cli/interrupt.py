"""Ctrl-C while a job runs: once ends it in order, twice at once; always looked at afterwards."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusterkit.jobs import Interrupt


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Turn SIGINT and SIGTERM into presses while the job runs."""
    from clusterkit.jobs import Interrupt

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

"""One server behind a router, as the router knows it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_JOB_IS_READ_EVERY_S = 0.05


class Lost(Exception):
    """A replica ended an answer, or gave none; the message says why."""


class Open:
    """A request that a replica answers; ``why`` says why it was cut off, if it was."""

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self.why: str | None = None

    def cut(self, why: str) -> None:
        """End it."""
        if self.why is None and self._task is not None:
            self.why = why
            self._task.cancel()


class Replica:
    """Where it listens, whether it is ready and else why not, and what it does.

    ``port`` None: it does not listen, as far as its job told. ``told`` is its last answer to
    `/cluster`; ``beside`` is how much it did then besides what we had asked.
    """

    def __init__(self, name: str, host: str, job: str) -> None:
        self.name, self.host, self.job = name, host, job
        self.port: int | None = None
        self.ready = self.has_ended = False
        self.why: str | None = "it is starting"
        self.told: dict[str, Any] = {}
        self.answer: str | None = None
        self.tokens_before = 0
        self.beside = 0
        self.turn = 0
        self.heard_at = 0.0
        self.look = asyncio.Event()
        self._open: set[Open] = set()

    @property
    def load(self) -> int:
        """How many requests it has, as far as we know at this moment."""
        return len(self._open) + self.beside

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def tokens(self) -> int:
        """New tokens since the start of the router, also of its former attempts."""
        return self.tokens_before + int(self.told.get("tokens", 0))

    def hear(self, told: dict[str, Any]) -> None:
        """Take an answer to `/cluster`; a count that fell began anew."""
        before = int(self.told.get("tokens", 0))
        if int(told["tokens"]) < before:
            self.tokens_before += before
        self.told = told
        self.beside = max(0, int(told["running"]) + int(told["queued"]) - len(self._open))

    def suspect(self, why: str) -> None:
        """Send it nothing until it was looked at, which is at once."""
        self.ready, self.why, self.beside = False, why, 0
        self.look.set()

    def cut(self, why: str) -> None:
        """End every request that it has: it will not."""
        for each in list(self._open):
            each.cut(why)

    async def gone(self, *, within_s: float) -> None:
        """Wait until its job tells why it is gone: that says more than a connection that broke."""
        until = time.monotonic() + within_s
        while self.port is not None and time.monotonic() < until:
            await asyncio.sleep(_JOB_IS_READ_EVERY_S)

    @contextmanager
    def answering(self) -> Iterator[Open]:
        """Count one more request meanwhile."""
        one = Open()
        self._open.add(one)
        try:
            yield one
        finally:
            self._open.discard(one)


class NoneReady(Exception):
    """There is no replica to be asked."""


class AllFull(Exception):
    """Every replica that is ready has as many requests as it may."""


def choose(replicas: Iterable[Replica], *, most: int, but_not: Iterable[str] = ()) -> Replica:
    """The ready one with the fewest requests; of several, the one whose turn is longest ago.

    Raises:
        NoneReady: Besides those of ``but_not``.
        AllFull: Each has ``most`` already.
    """
    ready = [each for each in replicas if each.ready and each.name not in but_not]
    if not ready:
        raise NoneReady
    chosen = min(ready, key=lambda each: (each.load, each.turn))
    if chosen.load >= most:
        raise AllFull
    chosen.turn = max(each.turn for each in ready) + 1
    return chosen

"""A request while it is answered: what is heard from the ranks, the client and the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from clusterkit.payloads.server.errors import ApiError, queue_full, ranks_failed
from clusterkit.payloads.server.work import Generation, NewToken, QueueFull, RanksFailed, Work


class Answering:
    """The works of one request; every way to its end frees their places at once."""

    def __init__(self, generation: Generation, works: list[Work]) -> None:
        self._generation = generation
        self._works = works
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[tuple[int, NewToken] | ApiError] = asyncio.Queue()
        self._open = set(range(len(works)))
        self._submitted = 0

    def start(self) -> None:
        """Queue all works, or none.

        Raises:
            ApiError: If there is no place, or no rank.
        """
        try:
            for index, work in enumerate(self._works):
                self._generation.submit(work, partial(self._hear, index))
                self._submitted += 1
        except QueueFull:
            self.free()
            raise queue_full(self._generation.load().queued) from None
        except RanksFailed as failure:
            self.free()
            raise ranks_failed(str(failure)) from None

    async def tokens(self) -> AsyncIterator[tuple[int, NewToken]]:
        """Each new token with the number of its work, until all are done.

        Raises:
            ApiError: If the request ends otherwise.
        """
        while self._open:
            event = await self._events.get()
            if isinstance(event, ApiError):
                raise event
            index, token = event
            if index in self._open:
                if token.finish is not None:
                    self._open.discard(index)
                yield index, token

    def done(self, index: int) -> None:
        """One work has all that is wanted, before its ranks say so."""
        if index in self._open:
            self._open.discard(index)
            self._generation.cancel(self._works[index].id)

    def end(self, why: ApiError) -> None:
        """Answer no further; called from the loop."""
        if self._open:
            self.free()
            self._events.put_nowait(why)

    def free(self) -> None:
        """Give back every place that is still held."""
        for index in sorted(self._open):
            if index < self._submitted:
                self._generation.cancel(self._works[index].id)

    def _hear(self, index: int, heard: NewToken | RanksFailed) -> None:
        """From the thread of the ranks."""
        event = ranks_failed(str(heard)) if isinstance(heard, RanksFailed) else (index, heard)
        try:
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)
        except RuntimeError:
            return  # the loop has ended, and nobody waits

"""One model as it is served: what every route shares."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from clusterkit.payloads.server.answering import Answering
from clusterkit.payloads.server.errors import out_of_time, ranks_failed, stopping
from clusterkit.payloads.server.metrics import Metrics, RanksNow
from clusterkit.payloads.server.rate import Rate
from clusterkit.payloads.server.settings import Settings
from clusterkit.payloads.server.work import Generation, Work

_LAST_WORDS_S = 2.0
_LOOK_EVERY_S = 0.02


class Served:
    """A model, its ranks, and the requests that are open."""

    def __init__(
        self,
        settings: Settings,
        generation: Generation,
        tokenizer: Any,
        about: Callable[[], dict[str, Any]],
    ) -> None:
        # ``about``: {"ranks": [{"rank", "node", "device", "memory_bytes", …}], "versions": {…}}
        self.settings = settings
        self.generation = generation
        self.tokenizer = tokenizer
        self.about = about
        self.started_s = time.time()
        self.rate = Rate()
        self.metrics = Metrics(RanksNow(generation, self.ranks, self.not_ready))
        # One thread: long prompts keep nobody's tokens waiting, and tokenizers to themselves.
        self.reading = ThreadPoolExecutor(1, "tokenizer")
        self.fingerprint = _fingerprint(settings, about())
        self._is_stopping = False
        self._open: set[Answering] = set()

    def ranks(self) -> list[dict[str, Any]]:
        """Every rank of this server."""
        ranks: list[dict[str, Any]] = self.about().get("ranks", [])
        return ranks

    def not_ready(self) -> str | None:
        """Why a request would get no answer; None: a real token came, and all ranks work."""
        if (failure := self.generation.failure()) is not None:
            return failure
        if self._is_stopping:
            return "the server is stopping"
        return None if self.generation.load().tokens else "no token has come from the ranks yet"

    @contextmanager
    def answering(self, works: list[Work]) -> Iterator[Answering]:
        """Let the ranks answer; whatever happens, the places are free afterwards.

        Raises:
            ApiError: If they cannot.
        """
        if (failure := self.generation.failure()) is not None:
            raise ranks_failed(failure)
        if self._is_stopping:
            raise stopping(int(self.settings.drain_s) + 1)
        answering = Answering(self.generation, works)
        answering.start()
        self._open.add(answering)
        self.metrics.prompt_tokens.inc(sum(len(work.prompt) for work in works))
        limit_s = self.settings.request_timeout_s
        alarm = asyncio.get_running_loop().call_later(limit_s, answering.end, out_of_time(limit_s))
        try:
            yield answering
        finally:
            alarm.cancel()
            answering.free()
            self._open.discard(answering)

    async def drain(self) -> None:
        """Take no more requests, and wait for those that run; tell them when it takes too long."""
        self._is_stopping = True
        await self._closed_within(self.settings.drain_s)
        for answering in list(self._open):
            answering.end(stopping(1))
        await self._closed_within(_LAST_WORDS_S)

    async def _closed_within(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._open and time.monotonic() < until:
            await asyncio.sleep(_LOOK_EVERY_S)


def _fingerprint(settings: Settings, about: dict[str, Any]) -> str:
    """The same for servers whose answers to one seed are the same, as far as we know."""
    what = [settings.name, settings.tp, settings.pp, about.get("versions")]
    return "fp_" + hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:10]

"""All replicas together: what every route of the router shares."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from clusterkit.payloads.router.metrics import RouterMetrics
from clusterkit.payloads.router.replica import AllFull, NoneReady, Open, Replica, choose
from clusterkit.payloads.server.errors import ApiError, queue_full, stopping
from clusterkit.payloads.server.rate import Rate
from clusterkit.payloads.server.settings import Settings

_LAST_WORDS_S = 1.5
_LOOK_EVERY_S = 0.02
# An idle connection is given up before the replica does: a request must not meet its end.
_IDLE_S = 4.0


class Routed:
    """The replicas, the way to them, and the requests that are open.

    ``most`` requests may a replica have, running and queued.
    """

    def __init__(
        self, settings: Settings, replicas: list[Replica], *, key: str, most: int
    ) -> None:
        self.settings = settings
        self.replicas = replicas
        self.most = most
        self.metrics = RouterMetrics(self)
        self.rate = Rate()
        self.started_s = time.time()
        self.client = httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"},
            limits=httpx2.Limits(
                max_connections=None, max_keepalive_connections=None, keepalive_expiry=_IDLE_S
            ),
            timeout=httpx2.Timeout(None, connect=3.0),
            trust_env=False,
            follow_redirects=False,
        )
        self._is_stopping = False
        self._open: set[Open] = set()

    @property
    def longest_body_tokens(self) -> int:
        """The context of the model, once a replica told."""
        return max((int(each.told.get("context", 0)) for each in self.replicas), default=0)

    def not_ready(self) -> str | None:
        """Why a request would get no answer; None: a replica is ready."""
        if self._is_stopping:
            return "the server is stopping"
        if any(each.ready for each in self.replicas):
            return None
        return "; ".join(f"replica {each.name}: {each.why}" for each in self.replicas)

    def choose(self, but_not: set[str]) -> Replica:
        """Who is to answer.

        Raises:
            ApiError: If nobody can.
        """
        try:
            return choose(self.replicas, most=self.most, but_not=but_not)
        except AllFull:
            waiting = sum(int(each.told.get("queued", 0)) for each in self.replicas)
            raise queue_full(waiting) from None
        except NoneReady:
            why = self.not_ready() or "no other replica is ready"
            message = f"no replica can answer: {why}"
            raise ApiError(503, message, code="not_ready", retry_after_s=1) from None

    @contextmanager
    def answering(self) -> Iterator[Open]:
        """Count one more request meanwhile.

        Raises:
            ApiError: If there may be no more.
        """
        if self._is_stopping:
            raise stopping(int(self.settings.drain_s) + 1)
        one = Open()
        self._open.add(one)
        try:
            yield one
        finally:
            self._open.discard(one)

    async def drain(self) -> None:
        """Take no more requests, and wait for those that run: the replicas do the same."""
        self._is_stopping = True
        await self._closed_within(self.settings.drain_s + _LAST_WORDS_S)
        for one in list(self._open):
            one.cut(stopping(1).message)
        await self._closed_within(_LAST_WORDS_S)

    async def _closed_within(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._open and time.monotonic() < until:
            await asyncio.sleep(_LOOK_EVERY_S)

    def cluster(self) -> dict[str, Any]:
        """What is known of every replica and its ranks, with the load of this moment."""
        told = [each.told for each in self.replicas]
        ready = [each.told for each in self.replicas if each.ready]
        known = next(iter([*ready, *(each for each in told if each)]), {})
        tokens = sum(each.tokens for each in self.replicas)
        return {
            "model": self.settings.name,
            "tp": self.settings.tp,
            "pp": self.settings.pp,
            "replicas": [_row(each) for each in self.replicas],
            "failure": None if self._is_stopping else self.not_ready(),
            "tokens_per_s": self.rate.per_second(time.monotonic(), tokens),
            "running": sum(each["running"] for each in ready),
            "queued": sum(each["queued"] for each in ready),
            "slots": sum(each["slots"] for each in ready),
            "tokens": tokens,
            "uptime_s": round(time.time() - self.started_s, 1),
            "versions": known.get("versions", {}),
            "context": known.get("context"),
        }


def _row(replica: Replica) -> dict[str, Any]:
    """One replica; of one that is out, the ranks that it had."""
    told = replica.told if replica.ready else {}
    return {
        "name": replica.name,
        "job": replica.job,
        "url": None,
        "ready": replica.ready,
        "reason": None if replica.ready else replica.why,
        "running": told.get("running", 0),
        "queued": told.get("queued", 0),
        "ranks": (replica.told.get("replicas") or [{}])[0].get("ranks", []),
    }

"""Look at every replica once a second: whether it is ready, and what it does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx2

from clusterkit.payloads.router.replica import Replica

_EVERY_S = 1.0
_ANSWERS_WITHIN_S = 3.0
_JOB_TELLS_WITHIN_S = 1.0
SILENT_S = 8.0
"""So long may a replica be silent that takes connections: a machine may be very busy."""

Changed = Callable[[Replica], None]


async def watch(replica: Replica, client: httpx2.AsyncClient, changed: Changed) -> None:
    """Look for ever; ``changed`` is called when it became ready, or is so no more."""
    told = False
    while True:
        replica.look.clear()
        await _look(replica, client)
        if replica.ready != told:
            told = replica.ready
            changed(replica)
        try:
            await asyncio.wait_for(replica.look.wait(), _EVERY_S)
        except asyncio.TimeoutError:  # noqa: UP041 - Python 3.10
            continue


async def _look(replica: Replica, client: httpx2.AsyncClient) -> None:
    port = replica.port
    if port is None:
        replica.ready = False
        return
    try:
        reply = await client.get(f"http://{replica.address}/cluster", timeout=_ANSWERS_WITHIN_S)
        told: dict[str, Any] = reply.raise_for_status().json()
        row = told["replicas"][0]
    except httpx2.TimeoutException:
        if time.monotonic() - replica.heard_at > SILENT_S:
            await _out(replica, port, f"it has not answered for {SILENT_S:.0f} s")
    except httpx2.TransportError as error:
        await _out(replica, port, f"it cannot be reached: {_words(error)}")
    except (httpx2.HTTPError, ValueError, LookupError) as error:
        await _out(replica, port, f"its answer cannot be read: {_words(error)}")
    else:
        replica.heard_at = time.monotonic()
        if replica.port == port:  # else its job told meanwhile that it is gone
            replica.hear(told)
            replica.ready = bool(row["ready"])
            replica.why = None if replica.ready else told.get("failure") or "it is stopping"


async def _out(replica: Replica, port: int, why: str) -> None:
    if replica.port == port:
        replica.ready, replica.why = False, why
        await replica.gone(within_s=_JOB_TELLS_WITHIN_S)
        replica.cut(replica.why)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__

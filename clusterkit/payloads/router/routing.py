"""The life of a router: it listens, hears of its replicas, drains, and is gone."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clusterkit.payloads.generate_events import Failed
from clusterkit.payloads.router.app import app_of
from clusterkit.payloads.router.looks import watch
from clusterkit.payloads.router.replica import Replica
from clusterkit.payloads.router.routed import Routed
from clusterkit.payloads.router.stories import follow, take
from clusterkit.payloads.server.serving import answer_at
from clusterkit.payloads.server.settings import Settings

_LOOK_EVERY_S = 0.05

Tell = Callable[..., None]


def route_at(
    listener: socket.socket,
    request: dict[str, Any],
    key: str,
    *,
    tell: Tell,
    stop: threading.Event,
) -> None:
    """Answer at a socket until ``stop`` is set.

    Raises:
        Failed: If every replica has ended.
    """
    asyncio.run(_route(listener, request, key, tell, stop))


async def _route(
    listener: socket.socket,
    request: dict[str, Any],
    key: str,
    tell: Tell,
    stop: threading.Event,
) -> None:
    began = time.monotonic()
    loop = asyncio.get_running_loop()
    settings = Settings.of(request)
    replicas = [
        Replica(row["name"], row["host"], Path(row["folder"]).name) for row in request["replicas"]
    ]
    most = request["max_batch"] + request["max_queue"]
    routed = Routed(settings, replicas, key=key, most=most)

    def heard(replica: Replica, message: dict[str, Any]) -> None:
        try:
            loop.call_soon_threadsafe(take, replica, message)
        except RuntimeError:
            return  # the loop has ended

    def changed(replica: Replica) -> None:
        if not stop.is_set():
            tell(event="replica", name=replica.name, ready=replica.ready, why=replica.why)

    for replica, row in zip(replicas, request["replicas"]):  # noqa: B905 - Python 3.8
        follow(replica, Path(row["folder"]), heard)
    looks = [asyncio.ensure_future(watch(each, routed.client, changed)) for each in replicas]

    async def until_over(serving: asyncio.Task[None]) -> None:
        is_told = False
        while not stop.is_set() and not serving.done():
            routed.rate.see(time.monotonic(), sum(each.tokens for each in replicas))
            if not is_told and _all_began(replicas):
                is_told = True
                answer = next(each.answer for each in replicas if each.ready)
                took_s = round(time.monotonic() - began, 3)
                tell(event="serving", model=settings.name, answer=answer, took_s=took_s)
            if all(each.has_ended for each in replicas):
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        await routed.drain()

    try:
        await answer_at(
            listener, app_of(routed), settings, on_listening=_nothing, until_over=until_over
        )
    finally:
        for look in looks:
            look.cancel()
        await asyncio.wait(looks)
        await routed.client.aclose()
    if not stop.is_set():
        raise Failed(f"every replica has ended: {routed.cluster()['replicas'][0]['reason']}")


def _all_began(replicas: list[Replica]) -> bool:
    """Whether every replica was ready once or will not be, and one is."""
    is_settled = all(each.ready or each.has_ended for each in replicas)
    return is_settled and any(each.ready for each in replicas)


def _nothing() -> None:
    """It is told when the replicas are there, too."""

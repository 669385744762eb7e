"""The life of a server: it listens, answers, drains, and is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import uvicorn

from clusterkit.payloads.generate_events import Failed
from clusterkit.payloads.server.app import app_of
from clusterkit.payloads.server.connections import connections_of
from clusterkit.payloads.server.prompts import warm_up
from clusterkit.payloads.server.served import Served
from clusterkit.payloads.server.settings import Settings
from clusterkit.payloads.server.work import Generation

_LOOK_EVERY_S = 0.05
_FAILURE_IS_TOLD_S = 2.0
_LAST_BYTES_S = 3


def serve_at(
    listener: socket.socket,
    settings: Settings,
    generation: Generation,
    tokenizer: Any,
    about: Callable[[], dict[str, Any]],
    *,
    on_listening: Callable[[], None],
    stop: threading.Event | None = None,
) -> None:
    """Answer requests at a socket that is bound already; see ``http.serve_http``."""
    with stopped_by_signals() if stop is None else contextlib.nullcontext(stop) as until:
        asyncio.run(
            _serve(
                listener,
                settings,
                lambda: Served(settings, generation, tokenizer, about),
                on_listening,
                until,
            )
        )


def listening(host: str, port: int) -> socket.socket:
    """A socket at an address of this machine.

    Raises:
        Failed: If there can be none.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server(address[:2], family=family, backlog=1024)
        # Connections have it from here: else a token waits until the one before is acknowledged,
        # for 40 ms. asyncio sets it itself only where the listener was made with IPPROTO_TCP.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        is_of_names = isinstance(error, socket.gaierror)
        what = error.strerror if is_of_names or not error.errno else os.strerror(error.errno)
        message = f"cannot listen at {host} port {port}: {what}. Fix: another `--port` or `--host`"
        raise Failed(message) from None


async def _serve(
    listener: socket.socket,
    settings: Settings,
    served_here: Callable[[], Served],
    on_listening: Callable[[], None],
    stop: threading.Event,
) -> None:
    served = served_here()
    await asyncio.get_running_loop().run_in_executor(served.reading, warm_up, served.tokenizer)

    async def until_over(serving: asyncio.Task[None]) -> None:
        await _until_stopped(served, serving, stop)
        await served.drain()

    try:
        await answer_at(
            listener, app_of(served), settings, on_listening=on_listening, until_over=until_over
        )
    finally:
        served.reading.shutdown(wait=False, cancel_futures=True)


async def answer_at(
    listener: socket.socket,
    app: Any,
    settings: Settings,
    *,
    on_listening: Callable[[], None],
    until_over: Callable[[asyncio.Task[None]], Awaitable[None]],
) -> None:
    """Let an application answer at a socket until ``until_over`` returns, or it fails."""
    config = uvicorn.Config(
        app,
        http=connections_of(settings),
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_LAST_BYTES_S,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not serving.done():
            await asyncio.sleep(0.005)
        if not serving.done():
            on_listening()
            await until_over(serving)
    finally:
        server.should_exit = True
        await serving


async def _until_stopped(
    served: Served, serving: asyncio.Task[None], stop: threading.Event
) -> None:
    """Look at the clock, the ranks and the one who may stop us, until it is over."""
    while not stop.is_set() and not serving.done():
        served.rate.see(time.monotonic(), served.generation.load().tokens)
        if served.generation.failure() is not None:
            until = time.monotonic() + _FAILURE_IS_TOLD_S
            while time.monotonic() < until and not stop.is_set():
                await asyncio.sleep(_LOOK_EVERY_S)
            return
        await asyncio.sleep(_LOOK_EVERY_S)


class _Server(uvicorn.Server):
    """Leaves signals to the program around it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set meanwhile; for the main thread."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

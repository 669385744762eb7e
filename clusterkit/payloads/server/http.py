"""Rank 0's HTTP side: a model behind OpenAI's routes, until it is told to stop."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import Any, Callable, Iterator  # noqa: UP035 - Python 3.8

from clusterkit.payloads.generate_events import Refused
from clusterkit.payloads.server.work import Generation


def serve_http(
    request: dict[str, Any],
    generation: Generation,
    tokenizer: Any,
    about: Callable[[], dict[str, Any]],
    *,
    on_listening: Callable[[int], None],
    stop: threading.Event | None = None,
) -> None:
    """Answer requests until ``stop`` is set or the ranks fail; running ones may end first.

    ``request`` is the rank's input; ``about`` says {"ranks": […], "versions": {…}}, and is asked
    often. ``on_listening`` is called with the port once connections are taken, in the loop's own
    thread: be quick. Without ``stop``, SIGTERM and SIGINT stop, and this must be the main thread.
    When it is over, ``generation.failure()`` says whether the ranks are why; to end them is the
    caller's.

    Raises:
        Refused: If this Python lacks what serving needs.
        Failed: If the address cannot be listened at.
    """
    with _needed():
        from clusterkit.payloads.server.serving import listening, serve_at
        from clusterkit.payloads.server.settings import Settings
    settings = Settings.of(request)
    with listening(settings.host, settings.port) as listener:
        port: int = listener.getsockname()[1]
        serve_at(
            listener,
            settings,
            generation,
            tokenizer,
            about,
            on_listening=lambda: on_listening(port),
            stop=stop,
        )


def check_place(request: dict[str, Any]) -> None:
    """What ``serve_http`` would raise of this Python and this address; listen only to see.

    For before the model is read, which may take minutes.
    """
    with _needed():
        from clusterkit.payloads.server.serving import listening
        from clusterkit.payloads.server.settings import Settings
    settings = Settings.of(request)
    listening(settings.host, settings.port).close()


@contextmanager
def _needed() -> Iterator[None]:
    """What is imported here, or how to install it."""
    try:
        yield
    except ImportError as error:
        if error.name is None or error.name.startswith("clusterkit"):
            raise
        raise Refused(
            f"{os.uname().nodename}: no Python module {error.name!r}, and `serve` needs it. "
            "Fix: pip install starlette uvicorn pydantic prometheus-client"
        ) from None

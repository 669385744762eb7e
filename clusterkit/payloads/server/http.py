"""Rank 0's HTTP side: a model behind OpenAI's routes, until it is told to stop."""

from __future__ import annotations

import os
import threading
from typing import Any, Callable  # noqa: UP035 - Python 3.8

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
    try:
        from clusterkit.payloads.server.serving import listening, serve_at
        from clusterkit.payloads.server.settings import Settings
    except ImportError as error:
        if error.name is None or error.name.startswith("clusterkit"):
            raise
        raise Refused(
            f"{os.uname().nodename}: no Python module {error.name!r}, and `serve` needs it. "
            "Fix: pip install starlette uvicorn pydantic prometheus-client"
        ) from None
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

"""Watch an OpenAI server from its start: when it answers a real question, and that it is there."""

from __future__ import annotations

import json
import os
import sys
import time
from http.client import HTTPException
from typing import Any, Callable  # noqa: UP035 - Python 3.8
from urllib.parse import urlsplit

from clusterkit.payloads.http_ask import HEALTH_WITHIN_S, LOOK_EVERY_S, PROMPT, TOKENS, ask
from clusterkit.payloads.processes import ancestors, parents, read

_QUESTION = {"prompt": PROMPT, "max_tokens": TOKENS, "temperature": 0}


class ServerWatch:
    """Asks a server at ``url`` until it answers; then only looks whether its process lives.

    ``server`` is the name of its program. Launchers may outlive it and wait for ever, so
    ``give_up`` is called when it was seen and is gone for ``patience_s``; one that ends well
    starts a program of its own for that. ``on_ready`` gets the model's name, an answer and the
    seconds since the start.
    """

    def __init__(
        self,
        url: str,
        *,
        server: str,
        on_ready: Callable[[str, str, float], None],
        give_up: Callable[[str], None],
        patience_s: float = 20.0,
    ) -> None:
        self._address = urlsplit(url)
        self._server = server
        self._on_ready, self._give_up = on_ready, give_up
        self._patience_s = patience_s
        self._began = time.monotonic()
        self._is_ready = self._was_seen = False
        self._said = ""

    def until_ended(self) -> None:
        """Watch until the server is gone."""
        while True:
            if not self._is_ready:
                self._try()
            seen = is_running(self._server, below=os.getpid())
            if self._was_seen and not seen:
                time.sleep(self._patience_s)  # with the launcher this process would end as well
                when = "" if self._is_ready else " before it answered"
                self._give_up(f"{self._server} has ended{when}, and its launcher still waits")
                return
            self._was_seen = seen
            time.sleep(LOOK_EVERY_S)

    def _try(self) -> None:
        try:
            status, _ = self._ask("GET", "/health", within_s=HEALTH_WITHIN_S)
            if status != 200:
                return self._say(f"/health answers {status}")
            model = self._model()
            status, said = self._ask("POST", "/v1/completions", {**_QUESTION, "model": model})
        except (OSError, HTTPException, ValueError):
            return None  # it does not listen yet, or is not done
        try:
            answer = said["choices"][0]["text"]
        except (TypeError, LookupError):
            return self._say(f"/v1/completions answers {status}: {json.dumps(said)[:300]}")
        self._is_ready = True
        self._on_ready(model, answer, time.monotonic() - self._began)
        return None

    def _model(self) -> str:
        """The name under which the server has its model."""
        _, said = self._ask("GET", "/v1/models", within_s=HEALTH_WITHIN_S)
        try:
            return str(said["data"][0]["id"])
        except (TypeError, LookupError):
            return "model"

    def _ask(self, method: str, path: str, content: Any = None, **limit: float) -> tuple[int, Any]:
        status, text = ask(self._address, method, path, content, **limit)
        return status, json.loads(text) if text.strip() else None

    def _say(self, what: str) -> None:
        """Once, into the rank's log."""
        if what != self._said:
            self._said = what
            sys.stderr.write(f"not ready yet: {what}\n")
            sys.stderr.flush()


def is_running(program: str, *, below: int) -> bool:
    """Whether a program of this name runs among the descendants of a process.

    A script counts by its own name, whatever its interpreter is; the launcher, which has the
    name among its words, does not.
    """
    tree = parents()
    return any(_is_named(program, pid) and below in ancestors(pid, tree) for pid in tree)


def _is_named(program: str, pid: int) -> bool:
    words = read(f"/proc/{pid}/cmdline").split(b"\0")[:2]  # a zombie has none
    return program in [os.path.basename(os.fsdecode(word)) for word in words]  # noqa: PTH119

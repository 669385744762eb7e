"""Watch a Triton server from its start, until it answers a real question and nobody else does."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time
from http.client import HTTPException
from typing import Any, Callable  # noqa: UP035 - Python 3.8
from urllib.parse import quote, urlsplit

from clusterkit.payloads.http_ask import HEALTH_WITHIN_S, LOOK_EVERY_S, PROMPT, TOKENS, ask
from clusterkit.payloads.triton_tensors import (
    Asked,
    NotATextModel,
    as_json,
    is_decoupled,
    steps_of,
    tensors,
)

_CONNECT_WITHIN_S = 2.0
_TRIES = 5


class TritonWatch:
    """Asks rank 0's server until it answers; ``on_ready`` gets the answer and the seconds.

    ``name`` is its own: another server that has the port already answers as well.

    A server that is ready and answers with errors, or a second one on another node, will not
    mend: ``give_up`` is told why.
    """

    def __init__(
        self,
        order: dict[str, Any],
        name: str,
        *,
        on_ready: Callable[[str, float], None],
        give_up: Callable[[str], None],
    ) -> None:
        self._url, self._name = urlsplit(order["url"]), name
        self._served = order["served"]
        self._others, self._ports = order["others"], order["ports"]
        self._on_ready, self._give_up = on_ready, give_up
        self._began = time.monotonic()

    def until_ready(self) -> None:
        """Ask until there is an answer, or no hope for one."""
        errors: list[str] = []
        while len(errors) < _TRIES:
            time.sleep(LOOK_EVERY_S)
            try:
                if not self._is_ready():
                    continue
                answer = self._answer()
            except (OSError, HTTPException):
                continue  # it does not listen yet
            except (ValueError, LookupError, TypeError, NotATextModel) as error:
                errors.append(str(error))
                sys.stderr.write(f"not ready yet: {error}\n")
                sys.stderr.flush()
                continue
            if found := self._listening_elsewhere():
                self._give_up(found)
                return
            self._on_ready(answer, time.monotonic() - self._began)
            return
        self._give_up(
            f"Triton says that it is ready, and answers a question so: {errors[-1].rstrip('.')}. "
            "Fix: see the log of rank 0"
        )

    def _is_ready(self) -> bool:
        if ask(self._url, "GET", "/v2/health/ready", within_s=HEALTH_WITHIN_S)[0] != 200:
            return False
        _, text = ask(self._url, "GET", "/v2", within_s=HEALTH_WITHIN_S)
        is_ours: bool = json.loads(text)["name"] == self._name
        return is_ours  # else ours ends soon, as the port is taken

    def _answer(self) -> str:
        """What the served model says; the reason as a ValueError where it says none."""
        config = self._config(self._served)
        parts = [config, *(self._config(name) for name in steps_of(config))]
        decoupled = any(is_decoupled(part) for part in parts)
        asked = as_json(tensors(config, Asked(PROMPT, TOKENS, stream=decoupled)))
        how = "generate_stream" if decoupled else "generate"
        status, text = ask(self._url, "POST", f"/v2/models/{quote(self._served)}/{how}", asked)
        rows = [line[5:] for line in text.splitlines() if line.startswith("data:")]
        answer = ""
        for row in rows if decoupled and rows else [text]:
            told = json.loads(row or "{}")
            if status != 200 or "error" in told:  # which may come with 200 as well
                raise ValueError(f"{status}: {told.get('error', text)[:300]}")
            answer += str(told["text_output"])
        return answer

    def _config(self, model: str) -> dict[str, Any]:
        status, text = ask(self._url, "GET", f"/v2/models/{quote(model)}/config")
        if status != 200:
            raise ValueError(f"the configuration of model {model} answers {status}: {text[:300]}")
        config: dict[str, Any] = json.loads(text)
        return config

    def _listening_elsewhere(self) -> str | None:
        """Ranks that did not join rank 0's world may serve for themselves, where they are."""
        for node, address in self._others.items():
            for port in self._ports:
                with (
                    contextlib.suppress(OSError),
                    socket.create_connection((address, port), timeout=_CONNECT_WITHIN_S),
                ):
                    return (
                        f"{node} listens on port {port} as well, where only rank 0 may. "
                        "Fix: end what listens there; if it is of this job, the ranks are not "
                        "one MPI world"
                    )
        return None

"""Ask a server of this machine by HTTP, while it may not listen yet, or think for long."""

from __future__ import annotations

import contextlib
import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import SplitResult

LOOK_EVERY_S = 0.5
ANSWER_WITHIN_S = 300.0
HEALTH_WITHIN_S = 10.0
PROMPT, TOKENS = "The capital of France is", 8
"""What a server is asked before it counts as ready."""


def ask(
    url: SplitResult,
    method: str,
    path: str,
    content: Any = None,
    *,
    within_s: float = ANSWER_WITHIN_S,
) -> tuple[int, str]:
    """Status and text of the answer, asked directly, whatever proxies the environment names.

    Raises:
        OSError, http.client.HTTPException: If nobody answers, or in another language.
    """
    connection = HTTPConnection(str(url.hostname), url.port, timeout=within_s)
    with contextlib.closing(connection):
        body = None if content is None else json.dumps(content)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")

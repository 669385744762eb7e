"""What a model server says no with, in one line and with what to do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clusterkit.errors import ServerFailed

_LONGEST = 500
_FIXES = {
    400: "change what is asked",
    401: "`--api-key-file FILE`, with a key of this server",
    403: "`--api-key-file FILE`, with a key of this server",
    404: "look which server this is, and which model it serves (`GET /v1/models`)",
    413: "ask for less at once",
    429: "wait a moment, and try again",
    503: "wait until it is ready, or see `clusterkit jobs`",
}
_NEEDS_A_KEY = (401, 403)
_OTHERWISE = "see `clusterkit logs` of its job"


def refusal(url: str, status: int, body: Any, headers: Mapping[str, str]) -> ServerFailed:
    """What the server said, as an error; its own fix goes before ours, but for keys."""
    said = words_of(body)
    words = f"{url}: {said}" if said else f"{url} says {status}"
    if status in _NEEDS_A_KEY:
        # Its fix is for who writes the header himself.
        words = words.partition("Fix: ")[0].rstrip()
    if "Fix: " not in words:
        words = f"{words.rstrip('.')}. Fix: {_FIXES.get(status, _OTHERWISE)}"
    return ServerFailed(words, status=status, retry_after_s=_seconds(headers.get("retry-after")))


def words_of(body: Any) -> str:
    """What a server says that is not well, in one line; nothing where it is for browsers."""
    return " ".join(_message(body).split())[:_LONGEST].rstrip()


def _message(body: Any) -> str:
    """The words of OpenAI's form of an error, of those near to it, or of plain text."""
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return "" if body.lstrip().startswith("<") else str(body)  # a page is for browsers
    if isinstance(body, dict):
        for name in ("error", "message", "detail", "reason", "status"):
            if body.get(name):
                return _message(body[name])
        return ""
    return str(body)


def _seconds(text: str | None) -> float | None:
    """The header Retry-After, where it has seconds; it may have a date."""
    return float(text) if text is not None and text.isdigit() else None

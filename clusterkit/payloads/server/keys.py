"""API keys: only their digests are known here."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from clusterkit.payloads.server.errors import ApiError

OPEN_PATHS = frozenset({"/", "/health", "/ready"})
"""What needs no key: the page asks for one itself, and probes have none."""
PAGE_FILES = "/page/"


class Keys:
    """Lets requests pass that bring one of the keys; all, where there are none."""

    def __init__(self, app: Any, digests: tuple[str, ...]) -> None:
        self._app = app
        self._digests = digests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        path = scope["path"]
        is_open = path in OPEN_PATHS or path.startswith(PAGE_FILES)
        if self._digests and not is_open:
            scheme, _, key = Request(scope).headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not self._knows(key.strip()):
                message = "a key of this server is needed. Fix: `Authorization: Bearer KEY`"
                await ApiError(401, message, code="invalid_api_key").response()(
                    scope, receive, send
                )
                return
        await self._app(scope, receive, send)

    def _knows(self, key: str) -> bool:
        shown = hashlib.sha256(key.encode("latin-1")).hexdigest()
        # Each is compared, in constant time: how long it takes tells nothing.
        matches = [hmac.compare_digest(shown, digest) for digest in self._digests]
        return any(matches)

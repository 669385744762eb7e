"""Counts requests by how they ended."""

from __future__ import annotations

from typing import Any

from prometheus_client import Counter
from starlette.types import Message, Receive, Scope, Send

from clusterkit.payloads.server.errors import CLOSED_BY_CLIENT


class Counting:
    """Notes the route and the status of each request, once it is over."""

    def __init__(self, app: Any, requests: Counter, routes: frozenset[str]) -> None:
        self._app = app
        self._requests = requests
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; a stream that broke counts as what broke it."""
        status = CLOSED_BY_CLIENT

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        finally:
            # Paths that nobody made are one: they would fill the memory otherwise.
            route = scope["path"] if scope["path"] in self._routes else "other"
            self._requests.labels(route, str(scope.get("ended_as", status))).inc()

"""A server of our HTTP routes with no model behind it: what a test tells it, it answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from clusterkit.payloads.server.page_routes import page_routes


class ModelServer:
    """Answers each chat with ``pieces``, one each ``every_s``; a test changes all of it."""

    def __init__(self, cluster: dict[str, Any], port: int = 0) -> None:
        self.cluster = cluster
        self.key: str | None = None
        self.not_ready: str | None = None
        self.refusal: tuple[int, str] | None = None
        self.pieces: list[str] = []
        self.every_s = 0.01
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.left = 0
        self._socket = socket.create_server(("127.0.0.1", port))
        self.url = "http://{}:{}".format(*self._socket.getsockname())
        routes = [
            *page_routes(),
            Route("/cluster", self._cluster),
            Route("/ready", self._ready),
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), log_level="warning", timeout_graceful_shutdown=1, ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()
        assert not self._thread.is_alive()

    def _refused(self, request: Request) -> Response | None:
        self.paths.append(request.url.path)
        if self.key is None or request.headers.get("authorization") == f"Bearer {self.key}":
            return None
        return _error(401, "The API key is missing or wrong")

    async def _cluster(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse(self.cluster)

    async def _ready(self, request: Request) -> Response:
        self.paths.append(request.url.path)
        return _error(503, self.not_ready) if self.not_ready else JSONResponse({"ready": True})

    async def _chat(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if self.refusal is not None:
            return _error(*self.refusal)
        self.asked.append(await request.json())
        return StreamingResponse(self._answer(), media_type="text/event-stream")

    async def _answer(self) -> AsyncIterator[str]:
        try:
            for piece in self.pieces:
                await asyncio.sleep(self.every_s)
                yield _event(choices=[{"index": 0, "delta": {"content": piece}}])
            yield _event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
            yield _event(choices=[], usage={"completion_tokens": len(self.pieces)})
            yield "data: [DONE]\n\n"
        except (asyncio.CancelledError, GeneratorExit):
            self.left += 1
            raise


def _event(**fields: Any) -> str:
    return f"data: {json.dumps({'object': 'chat.completion.chunk', **fields})}\n\n"


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message}}, status)


@contextlib.contextmanager
def model_server(cluster: dict[str, Any], port: int = 0) -> Iterator[ModelServer]:
    server = ModelServer(cluster, port)
    try:
        yield server
    finally:
        server.stop()


def cluster_of(tp: int, pp: int, nodes: int, replicas: int = 1) -> dict[str, Any]:
    """What `/cluster` says of such a cluster, with its ranks dealt in blocks over the nodes."""
    ranks = tp * pp

    def rank(number: int, replica: int) -> dict[str, Any]:
        return {
            "rank": number,
            "node": f"node{replica * nodes + number * nodes // ranks + 1}",
            "device": "cpu",
            "device_name": None,
            "memory_bytes": (410 + 37 * number) << 20,
            "peak_memory_bytes": (520 + 41 * number) << 20,
        }

    each = [
        {
            "name": str(replica),
            "ready": True,
            "url": None,
            "running": 3,
            "queued": 0,
            "ranks": [rank(number, replica) for number in range(ranks)],
        }
        for replica in range(replicas)
    ]
    return {
        "model": "smollm2-135m",
        "tp": tp,
        "pp": pp,
        "replicas": each,
        "tokens_per_s": 37.4,
        "running": 3 * replicas,
        "queued": 0,
        "slots": 16 * replicas,
        "tokens": 48213,
        "uptime_s": 8040.2,
        "versions": {"clusterkit": "0.1.0", "torch": "2.13.0+cpu", "transformers": "5.20.2"},
        "context": 2048,
    }

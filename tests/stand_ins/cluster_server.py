"""The page, with a `/cluster` and a `/ready` that say what a test tells them to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from clusterkit.payloads.server.page_routes import page_routes


class ClusterServer:
    """Says of its cluster what it is told."""

    def __init__(self, listener: socket.socket) -> None:
        self.url = "http://{}:{}".format(*listener.getsockname())
        self.cluster = cluster_of(tp=1, pp=1, nodes=1)
        self.not_ready: str | None = None
        routes = [*page_routes(), Route("/cluster", self._cluster), Route("/ready", self._ready)]
        self.app = Starlette(routes=routes)

    async def _cluster(self, _: Request) -> JSONResponse:
        return JSONResponse(self.cluster)

    async def _ready(self, _: Request) -> JSONResponse:
        if self.not_ready is None:
            return JSONResponse("ready")
        return JSONResponse({"error": {"message": f"not ready: {self.not_ready}"}}, 503)


@contextlib.contextmanager
def cluster_server() -> Iterator[ClusterServer]:
    """One at a free port, gone afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = ClusterServer(listener)
        config = uvicorn.Config(
            told.app, ws="none", log_level="warning", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield told
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


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

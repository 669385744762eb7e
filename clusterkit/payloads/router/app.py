"""The routes of a router."""

from __future__ import annotations

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from clusterkit.payloads.router.forward import forwarded
from clusterkit.payloads.router.routed import Routed
from clusterkit.payloads.server.app import application
from clusterkit.payloads.server.errors import json_response


def app_of(routed: Routed) -> Starlette:
    """The application that answers for all replicas."""
    own = [
        Route("/v1/chat/completions", forwarded, methods=["POST"]),
        Route("/v1/completions", forwarded, methods=["POST"]),
        Route("/metrics", metrics),
        Route("/cluster", cluster),
    ]
    return application(routed, own)


async def metrics(request: Request) -> Response:
    """What Prometheus reads."""
    routed: Routed = request.app.state.served
    return Response(await routed.metrics.text(), media_type=CONTENT_TYPE_LATEST)


async def cluster(request: Request) -> Response:
    """The replicas, their ranks, and what they do."""
    routed: Routed = request.app.state.served
    return json_response(routed.cluster())

"""The routes of a server."""

from __future__ import annotations

from typing import Any, Protocol

from prometheus_client import Counter, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from clusterkit.payloads.server.answers import answered
from clusterkit.payloads.server.body import UnreadBodies
from clusterkit.payloads.server.chat_completions import ChatShapes, chat_prompts
from clusterkit.payloads.server.cluster import cluster
from clusterkit.payloads.server.completions import CompletionShapes, completion_prompts
from clusterkit.payloads.server.counting import Counting
from clusterkit.payloads.server.errors import ApiError, json_response
from clusterkit.payloads.server.keys import Keys
from clusterkit.payloads.server.page_routes import page_routes
from clusterkit.payloads.server.requests import ChatAsked, CompletionAsked
from clusterkit.payloads.server.served import Served
from clusterkit.payloads.server.settings import Settings


class Counted(Protocol):
    """Metrics with a count of requests."""

    requests: Counter


class Shown(Protocol):
    """What the routes that are the same for all servers show."""

    settings: Settings
    started_s: float

    @property
    def metrics(self) -> Counted:
        """Where requests are counted."""

    def not_ready(self) -> str | None:
        """Why a request would get no answer."""


def app_of(served: Served) -> Starlette:
    """The application that answers for one model."""
    own = [
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        Route("/v1/completions", completions, methods=["POST"]),
        Route("/metrics", metrics),
        Route("/cluster", cluster_now),
    ]
    return application(served, own)


def application(served: Shown, own: list[Route]) -> Starlette:
    """An application with these routes, and with those that are the same for all servers."""
    routes = [
        *own,
        Route("/v1/models", models),
        Route("/v1/models/{name:path}", model),
        Route("/health", health),
        Route("/ready", ready),
        *page_routes(),
    ]
    paths = frozenset(route.path for route in routes)
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Counting, served.metrics.requests, paths),
            Middleware(UnreadBodies),
            Middleware(Keys, served.settings.api_keys_sha256),
        ],
        exception_handlers={
            ApiError: _api_error,
            HTTPException: _no_such_thing,
            Exception: _our_mistake,
        },
    )
    app.router.redirect_slashes = False
    app.state.served = served
    return app


async def chat_completions(request: Request) -> Response:
    """Go on with a conversation."""
    return await answered(request, ChatAsked, ChatShapes(), chat_prompts)


async def completions(request: Request) -> Response:
    """Go on with a text."""
    return await answered(request, CompletionAsked, CompletionShapes(), completion_prompts)


async def models(request: Request) -> Response:
    """List the one model."""
    return json_response({"object": "list", "data": [_model(request)]})


async def model(request: Request) -> Response:
    """Describe the one model."""
    described = _model(request)
    if request.path_params["name"] != described["id"]:
        message = f"there is no such model here. Fix: ask for {described['id']!r}"
        raise ApiError(404, message, param="model", code="model_not_found")
    return json_response(described)


async def health(_: Request) -> Response:
    """Say that the process lives."""
    return PlainTextResponse("alive\n")


async def ready(request: Request) -> Response:
    """Say whether a request would be answered."""
    served: Shown = request.app.state.served
    why_not = served.not_ready()
    if why_not is not None:
        raise ApiError(503, f"not ready: {why_not}", code="not_ready", retry_after_s=1)
    return PlainTextResponse("ready\n")


async def metrics(request: Request) -> Response:
    """What Prometheus reads."""
    served: Served = request.app.state.served
    return Response(generate_latest(served.metrics.registry), media_type=CONTENT_TYPE_LATEST)


async def cluster_now(request: Request) -> Response:
    """The ranks and what they do."""
    return json_response(cluster(request.app.state.served))


def _model(request: Request) -> dict[str, Any]:
    served: Shown = request.app.state.served
    return {
        "id": served.settings.name,
        "object": "model",
        "created": int(served.started_s),
        "owned_by": "clusterkit",
    }


async def _api_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return error.response()


async def _no_such_thing(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    wanted = f"{request.method} {request.url.path}"
    if error.status_code != 405:
        return ApiError(
            error.status_code, f"{wanted}: no such path. Fix: see /v1/models"
        ).response()
    allowed = (error.headers or {}).get("Allow", "")
    response = ApiError(405, f"{wanted}: not so. Fix: use {allowed}").response()
    response.headers["Allow"] = allowed
    return response


async def _our_mistake(_: Request, error: Exception) -> Response:
    message = f"the server failed on this request: {type(error).__name__}. Fix: see its log"
    return ApiError(500, message, code="internal_error").response()

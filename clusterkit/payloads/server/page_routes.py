"""The page at `/`: its files as they lie here, and headers that keep it to its own origin."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).resolve().parent / "page"

HEADERS = {
    # Trusted Types make a browser refuse any string that would become HTML or a script.
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Another version may listen behind the same tunnel tomorrow.
    "Cache-Control": "no-cache",
}
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def page_routes() -> list[Route]:
    """`/` and `/page/NAME`: neither needs a key, they say nothing of the cluster."""
    return [Route("/", _file), Route("/page/{name}", _file)]


async def _file(request: Request) -> Response:
    """One of the page's files; they are few and small, and are read for each request."""
    path = FOLDER / request.path_params.get("name", "index.html")
    if path.parent != FOLDER or path.suffix not in _MEDIA_TYPES or not path.is_file():
        raise HTTPException(404)
    return Response(path.read_bytes(), media_type=_MEDIA_TYPES[path.suffix], headers=HEADERS)

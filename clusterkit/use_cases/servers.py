"""The servers of a cluster as they are now: asked themselves, through their nodes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.jobs import JobRow
from clusterkit.payloads.http_ask import ask
from clusterkit.results.status import ServerStatus
from clusterkit.transports.tunnel import HERE, open_tunnel
from clusterkit.transports.world import World
from clusterkit.use_cases.asked import ServeAsked
from clusterkit.use_cases.proxy import asked_of
from clusterkit.use_cases.served import Served, connect, from_here
from clusterkit.use_cases.session import Session

_ANSWERS_WITHIN_S = 3.0
_AS_WISHED = ("done", "stopped", "interrupted")


def servers_now(
    session: Session, world: World, rows: Iterable[JobRow]
) -> tuple[ServerStatus, ...]:
    """Every server that has not ended, the newest first; the last also where it failed."""
    ours = [row for row in rows if row.verb == "serve"]
    shown = [row for row in ours if row.is_open]
    if ours and not ours[0].is_open and ours[0].state not in _AS_WISHED:
        shown.insert(0, ours[0])
    return tuple(_server(session, world, row) for row in shown)


def _server(session: Session, world: World, row: JobRow) -> ServerStatus:
    try:
        asked = asked_of(session, world, row)
    except (UsageError, ValueError, LookupError):  # another version wrote it down
        return ServerStatus(job=row.id, state=row.state, why="where it listens is not on file")
    if not row.is_open:
        return _ended(asked, row)
    reached = from_here(session, asked.served)
    ready, why = _ready(world, asked.served)
    load = _load(world, asked.served) if ready else {}
    return ServerStatus(
        job=row.id,
        state=row.state,
        node=asked.served.node,
        model=_model(asked),
        url=reached.url,
        via=reached.via,
        grpc=reached.grpc,
        metrics=reached.metrics,
        ready=ready,
        why=why,
        running=load.get("running"),
        queued=load.get("queued"),
    )


def _ended(asked: ServeAsked, row: JobRow) -> ServerStatus:
    cause = row.cause or {}
    return ServerStatus(
        job=row.id,
        state=row.state,
        node=asked.served.node,
        model=_model(asked),
        ready=False,
        why=(row.message or "").partition("\n")[0] or None,
        failed_rank=cause.get("rank"),
        failed_node=cause.get("node"),
    )


def _model(asked: ServeAsked) -> str:
    return PurePath(asked.engine.model).name


def _ready(world: World, served: Served) -> tuple[bool, str | None]:
    """Whether it says that it is ready, or why not."""
    try:
        status, text = _get(world, served, served.ready_path)
    except TimeoutError:
        return False, f"it does not answer within {_ANSWERS_WITHIN_S:g} s"
    except (OSError, HTTPException):
        return False, "it does not listen yet"
    except ClusterkitError as error:
        return False, str(error)
    if status == 200:
        return True, None
    return False, _why_not(text) or f"{served.ready_path} answers {status}"


def _why_not(text: str) -> str:
    """The one line that a server says; ours wraps it as OpenAI does."""
    with suppress(ValueError, LookupError, TypeError):
        text = str(json.loads(text)["error"]["message"]).removeprefix("not ready: ")
    return text.strip().partition("\n")[0][:300]


def _load(world: World, served: Served) -> dict[str, Any]:
    """What a server of ours tells whoever asks; nothing where it wants a key."""
    try:
        status, text = _get(world, served, "/cluster")
        told = json.loads(text) if status == 200 else {}
    except (OSError, HTTPException, ValueError, ClusterkitError):
        return {}
    return told if isinstance(told, dict) else {}


def _get(world: World, served: Served, path: str) -> tuple[int, str]:
    port = served.ports["http"]
    with open_tunnel(partial(connect, world, served, port), 0) as tunnel:
        url = urlsplit(f"http://{HERE}:{tunnel.port}")
        return ask(url, "GET", path, within_s=_ANSWERS_WITHIN_S)

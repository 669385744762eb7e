"""The servers of a cluster as they are now: asked themselves, through their nodes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from functools import partial
from http.client import HTTPException
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.jobs import JobRow
from clusterkit.jobs.groups import member_id
from clusterkit.payloads.http_ask import ask
from clusterkit.results.status import ReplicaStatus, ServerStatus
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
    rows = tuple(rows)
    ours = [row for row in rows if row.verb == "serve"]
    shown = [row for row in ours if row.is_open]
    if ours and not ours[0].is_open and ours[0].state not in _AS_WISHED:
        shown.insert(0, ours[0])
    return tuple(_server(session, world, row, rows) for row in shown)


def _server(session: Session, world: World, row: JobRow, rows: tuple[JobRow, ...]) -> ServerStatus:
    try:
        asked = asked_of(session, world, row)
    except (UsageError, ValueError, LookupError):  # another version wrote it down
        return ServerStatus(job=row.id, state=row.state, why="where it listens is not on file")
    if not row.is_open:
        return _ended(asked, row).model_copy(update={"replicas": replicas_of(row, rows, {})})
    reached = from_here(session, asked.served)
    ready, why = _ready(world, asked.served)
    load = _load(world, asked.served) if ready or asked.replicas else {}
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
        replicas=replicas_of(row, rows, load),
    )


def replicas_of(
    server: JobRow, rows: tuple[JobRow, ...], told: Mapping[str, Any]
) -> tuple[ReplicaStatus, ...]:
    """Its replicas by number: what their jobs have on file, and what the router says of them."""
    by_job = {row.id: row for row in rows}
    said = {each.get("job"): each for each in told.get("replicas", ())}
    found: list[ReplicaStatus] = []
    for number in itertools.count():
        row = by_job.get(member_id(server.id, number))
        if row is None:
            return tuple(found)
        found.append(_replica(str(number), row, said.get(row.id, {})))
    raise AssertionError("it counts without an end")


def _replica(name: str, row: JobRow, said: Mapping[str, Any]) -> ReplicaStatus:
    cause = row.cause or {}
    ended = None if row.is_open else (row.message or row.state).partition("\n")[0]
    return ReplicaStatus(
        name=name,
        job=row.id,
        state=row.state,
        nodes=row.nodes,
        ready=said.get("ready") if row.is_open else False,
        why=ended or said.get("reason"),
        failed_rank=cause.get("rank"),
        failed_node=cause.get("node"),
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
    return False, text.strip().partition("\n")[0][:300] or f"{served.ready_path} answers {status}"


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

"""Which servers `status` asks, and what it says of those that do not answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from clusterkit.jobs import JobRow
from clusterkit.transports.world import World
from clusterkit.use_cases import servers
from clusterkit.use_cases.asked import ServeAsked
from clusterkit.use_cases.served import Served
from clusterkit.use_cases.servers import servers_now
from clusterkit.use_cases.session import Session, open_host
from tests.unit.pair import pair

ANSWERS: dict[str, tuple[int, str]] = {}


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, text = ANSWERS[self.path]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def row(job: str, state: str = "running", **more: Any) -> JobRow:
    return JobRow(job, "serve", state, 1.0, None, 2, ("localhost",), **more)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, port: int) -> Iterator[tuple[Session, World]]:
    """A cluster on this machine, of whose head only the record of jobs is not asked."""
    session = Session(pair(provider="local", subnet=None), Path("/state"))
    served = Served("localhost", "127.0.0.1", None, {"http": port}, "/ready", "/metrics")
    asked = ServeAsked("", Any, served, session.cluster.engine, detached=True)  # type: ignore[arg-type]

    def asked_of(_session: object, _world: object, row: JobRow) -> ServeAsked:
        return replace(asked, id=row.id)

    monkeypatch.setattr(servers, "asked_of", asked_of)
    with open_host() as world:
        yield session, world


def test_one_that_is_ready_tells_its_load(seen: tuple[Session, World], port: int) -> None:
    ANSWERS.update({"/ready": (200, "ready"), "/cluster": (200, '{"running": 3, "queued": 1}')})
    rows = [row("serve-2"), row("serve-1", "stopped"), row("serve-0")]

    found, older = servers_now(*seen, rows)

    assert (older.job, older.ready) == ("serve-0", True)
    assert (found.job, found.ready, found.why) == ("serve-2", True, None)
    assert (found.url, found.metrics) == (
        f"http://127.0.0.1:{port}",
        f"http://127.0.0.1:{port}/metrics",
    )
    assert (found.running, found.queued) == (3, 1)


def test_one_with_keys_tells_no_load(seen: tuple[Session, World]) -> None:
    ANSWERS.update({"/ready": (200, "ready"), "/cluster": (401, "{}")})
    (found,) = servers_now(*seen, [row("serve-2")])
    assert (found.ready, found.running) == (True, None)


def test_one_that_is_not_ready_says_why(seen: tuple[Session, World]) -> None:
    ANSWERS["/ready"] = (503, "rank 1 on node2 is gone\nmore")
    (found,) = servers_now(*seen, [row("serve-2")])
    assert (found.ready, found.why) == (False, "rank 1 on node2 is gone")


def test_the_last_is_shown_where_it_failed(seen: tuple[Session, World]) -> None:
    cause = {"kind": "signal", "rank": 1, "node": "node2", "signal": "SIGKILL"}
    failed = row("serve-2", "failed", message="rank 1 ended\nmore", cause=cause)

    (found,) = servers_now(*seen, [failed, row("serve-1", "failed")])

    assert (found.state, found.ready, found.why) == ("failed", False, "rank 1 ended")
    assert (found.failed_rank, found.failed_node) == (1, "node2")
    assert servers_now(*seen, [row("serve-3", "stopped"), failed]) == ()


def test_replicas_are_told_by_their_jobs_and_the_router(seen: tuple[Session, World]) -> None:
    told = """{"running": 1, "queued": 0, "replicas": [
        {"job": "serve-abc123-r0", "ready": true, "reason": null},
        {"job": "serve-abc123-r1", "ready": false, "reason": "it begins anew: rank 0 ended"},
        {"job": "serve-abc123-r2", "ready": false, "reason": "of before"}]}"""
    ANSWERS.update({"/ready": (200, "ready"), "/cluster": (200, told)})
    cause = {"kind": "signal", "rank": 0, "node": "node2", "signal": "SIGKILL"}
    rows = [
        row("serve-abc123"),
        replace(row("serve-abc123-r0"), verb="serve-replica"),
        replace(row("serve-abc123-r1"), verb="serve-replica"),
        replace(
            row("serve-abc123-r2", "failed", message="rank 0 ended\nmore", cause=cause),
            verb="serve-replica",
        ),
    ]

    (found,) = servers_now(*seen, rows)

    assert [(each.name, each.ready, each.why, each.failed_node) for each in found.replicas] == [
        ("0", True, None, None),
        ("1", False, "it begins anew: rank 0 ended", None),
        ("2", False, "rank 0 ended", "node2"),
    ]
    ANSWERS["/cluster"] = (401, "{}")
    (found,) = servers_now(*seen, rows)
    assert [each.ready for each in found.replicas] == [None, None, False]

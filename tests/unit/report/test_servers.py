"""What `serve` says when it is ready, and how `status` shows servers."""

from __future__ import annotations

from typing import Any

import pytest

from clusterkit.report.serve import serve_help, serve_text
from clusterkit.results.serve import ServeRank, ServeResult, Via
from clusterkit.results.status import ServerStatus, StatusResult
from tests.unit.report.streams import shown

CURL = (
    "  curl http://127.0.0.1:8000/v1/completions -H 'Content-Type: application/json' "
    '-d \'{"model": "m", "prompt": "Hello", "max_tokens": 16}\'\n'
)


def ready(*, via: Via, detached: bool) -> ServeResult:
    return ServeResult(
        cluster="pair",
        job="serve-1",
        url="http://127.0.0.1:8000",
        via=via,
        metrics="http://127.0.0.1:8000/metrics",
        model="m",
        detached=detached,
        tp=1,
        pp=2,
        answer=" Paris",
        ready_s=2.5,
        ranks=(ServeRank(rank=0, node="node1"), ServeRank(rank=1, node="node2")),
    )


def test_stdout_has_the_url_alone() -> None:
    assert serve_text(ready(via="tunnel", detached=False)) == ["http://127.0.0.1:8000"]


@pytest.mark.parametrize(
    ("via", "detached", "end"),
    [
        ("tunnel", False, "Ctrl-C ends it, or `clusterkit stop serve-1`"),
        (
            "proxy",
            True,
            "From here the URL works while `clusterkit proxy serve-1` runs\n"
            "It runs on, until `clusterkit stop serve-1`",
        ),
        ("network", True, "It runs on, until `clusterkit stop serve-1`"),
    ],
)
def test_stderr_has_how_to_ask_and_to_end(via: Via, detached: bool, end: str) -> None:
    first = "m answers after 2.5 s: 2 ranks (node[1-2]), tp=1 pp=2\n"
    assert serve_help(ready(via=via, detached=detached)).plain == f"{first}{CURL}{end}"


SERVER: dict[str, Any] = {"job": "serve-1", "state": "running", "node": "node1", "model": "m"}
URL = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("server", "line"),
    [
        (
            {"url": URL, "via": "proxy", "ready": True, "running": 2, "queued": 1},
            f"server serve-1: m at {URL} (by `clusterkit proxy`), ready: 2 running, 1 waiting",
        ),
        ({"url": URL, "via": "network", "ready": True}, f"server serve-1: m at {URL}, ready"),
        (
            {"url": URL, "via": "network", "why": "it does not listen yet"},
            f"server serve-1: m at {URL}, not ready: it does not listen yet",
        ),
        (
            {"state": "failed", "failed_rank": 1, "failed_node": "node2", "why": "lost"},
            "server serve-1: m, failed: rank 1 on node2: lost",
        ),
        (
            {
                "state": "failed",
                "failed_rank": 1,
                "failed_node": "node2",
                "why": "rank 1 on node2 was ended by SIGKILL",
            },
            "server serve-1: m, failed: rank 1 on node2 was ended by SIGKILL",
        ),
    ],
)
def test_a_line_for_each_server(server: dict[str, Any], line: str) -> None:
    found = ServerStatus(**{**SERVER, **server})
    status = StatusResult(cluster="c", provider="docker", nodes=(), servers=(found,), took_s=1)
    lines = [" ".join(each.split()) for each in shown(status, width=200).splitlines()]
    assert [each for each in lines if each.startswith("server")] == [line]


def test_a_line_for_each_replica() -> None:
    rows = (
        {"name": "0", "job": "serve-1-r0", "state": "running", "nodes": ("n1",), "ready": True},
        {"name": "1", "job": "serve-1-r1", "state": "running", "nodes": ("n2", "n3")},
        {
            **{"name": "2", "job": "serve-1-r2", "state": "failed", "nodes": ("n4",)},
            **{"ready": False, "why": "rank 0 ended"},
        },
    )
    found = ServerStatus(**{**SERVER, "url": URL, "ready": True, "replicas": rows})
    status = StatusResult(cluster="c", provider="docker", nodes=(), servers=(found,), took_s=1)
    lines = [" ".join(each.split()) for each in shown(status, width=200).splitlines()]
    assert [each for each in lines if each.startswith("replica")] == [
        "replica 0 on n1, ready",
        "replica 1 on n[2-3], running",
        "replica 2 on n4, out: rank 0 ended",
    ]

"""`infer` has agents on every node before it knows its job; if none comes, no node has any left.

A hub that does not answer holds `infer` where it fetches its model.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.pair import Pair
from tests.e2e.running_job import within

NODES = ("node1", "node2")
_LOOK = (
    'for p in /proc/[0-9]*; do tr "\\0" "\\n" <$p/environ 2>&- | grep -q "^CLUSTERKIT_JOB=" '
    '&& tr "\\0" " " <$p/cmdline && echo; done; true'
)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield server


@pytest.fixture
def held(pair: Pair, hub: socket.socket) -> Iterator[subprocess.Popen[str]]:
    """An `infer` whose agents wait on both nodes; afterwards nothing may be left of it."""
    words = ("infer", "--prompt", "x", "--pp", "2", "--model", "nobody/nothing")
    process = pair.controller.start(*words)
    within(30, lambda: waits(pair))
    assert records(pair) == ["", ""]
    yield process
    within(10, lambda: programs(pair) == {node: [] for node in NODES})
    assert records(pair) == ["", ""]
    assert pair.answer("jobs")["jobs"] == []


def programs(pair: Pair) -> dict[str, list[str]]:
    """The processes of any job on each node."""
    return {
        node: [line for line in pair.inside(node, "sh", "-c", _LOOK).splitlines() if line.strip()]
        for node in NODES
    }


def waits(pair: Pair) -> bool:
    seen = {node: "\n".join(lines) for node, lines in programs(pair).items()}
    return " supervise infer-" in seen["node1"] and all(
        " agent infer-" in s for s in seen.values()
    )


def records(pair: Pair) -> list[str]:
    """What lies in the folders of jobs."""
    return [pair.inside(node, "sh", "-c", f"ls {pair.home}/jobs 2>&-; true") for node in NODES]


def test_killed(pair: Pair, held: subprocess.Popen[str]):
    os.killpg(held.pid, signal.SIGKILL)
    held.communicate(timeout=10)


def test_ctrl_c(pair: Pair, held: subprocess.Popen[str]):
    os.killpg(held.pid, signal.SIGINT)
    output, errors = held.communicate(timeout=20)

    assert (held.returncode, output) == (130, "")
    assert errors == (
        "Note: fetching nobody/nothing from the hub\nError: `infer` was interrupted.\n"
    )


def test_a_model_that_cannot_be_fetched(pair: Pair, hub: socket.socket, held):
    with hub.accept()[0] as connection:
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    hub.close()
    output, errors = held.communicate(timeout=60)

    assert (held.returncode, output) == (1, "")
    assert "Error: nobody/nothing cannot be fetched" in errors


def test_a_request_that_the_nodes_cannot_answer(pair: Pair):
    """The image has no engine; whether an agent was there already is not to be seen."""
    refused = pair("infer", "--prompt", "x", "--pp", "2")

    assert refused.returncode == 2
    within(10, lambda: programs(pair) == {node: [] for node in NODES})
    assert records(pair) == ["", ""]

"""Model servers to talk to: the stand-in, alone or as the `serve` job of a local cluster."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import ProxyHandler, build_opener

from tests.e2e.controller import REPOSITORY, Controller
from tests.e2e.running_job import within


@contextmanager
def stand_in(*key: str) -> Iterator[str]:
    """The stand-in on a port of its own; its URL."""
    argv = [sys.executable, "-m", "tests.stand_ins.openai_server", "0", *key]
    process = subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.kill()
        process.communicate()


def serve_job(controller: Controller, *key: str) -> tuple[str, str]:
    """A `serve` job on the person's cluster, left alone; its id and its URL."""
    port = free_port()
    argv = [sys.executable, "-m", "tests.stand_ins.serve_job", str(port), *key]
    done = subprocess.run(
        argv, cwd=REPOSITORY, env=controller.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    url = f"http://127.0.0.1:{port}"
    within(20, lambda: answers(url))
    return done.stdout.strip(), url


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def told(url: str, route: str) -> Any:
    """What a server answers to a look."""
    with build_opener(ProxyHandler({})).open(url + route, timeout=10) as answer:
        return json.load(answer)


def answers(url: str) -> bool:
    """Whether somebody is there."""
    try:
        return bool(told(url, "/ready"))
    except OSError:
        return False

"""`infer` is killed, or interrupted, at its steps: nothing is left, and the next one answers.

A step is an event that it hears: the job's start, each rank's, each token. A sample of them; all
where CLUSTERKIT_EVERY_STEP is set.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.e2e.controller import REPOSITORY, Controller, free_subnet, new_cluster_name
from tests.e2e.pair import Pair
from tests.e2e.stopping import chosen, lines_of, stop_when
from tests.faults.leftovers import Seen, look

TELLS = """
import os, sys
from clusterkit.cli.main import main
from clusterkit.report.stream import InferView
file = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
take = InferView.__call__
def told(self, event):
    take(self, event)
    os.write(file, type(event).__name__.encode() + b"\\n")
InferView.__call__ = told
main()
"""
"""The CLI, which writes down each event once it was shown."""


@pytest.fixture(scope="module")
def built(
    docker_host: docker.DockerClient, node_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """A cluster of two containers with a small model."""
    folder = tmp_path_factory.mktemp("steps")
    name = new_cluster_name()
    controller = Controller(folder / "home", docker_host, {name})
    program = REPOSITORY / "tests/gpu/random_llama.py"
    argv = [sys.executable, program, folder / "model", "2", "512"]
    subprocess.run(argv, check=True, capture_output=True)
    try:
        with free_subnet(docker_host) as subnet:
            pair = Pair(name, subnet, node_image, folder, controller, docker_host)
            pair.describe()
            pair.up()
            pair.answer("build", "--model", folder / "model")
            yield pair
    finally:
        controller.close()


def words(pair: Pair) -> tuple[object, ...]:
    options = ("--prompt", "Hello", "--max-tokens", 6, "--pp", 2)
    return ("infer", "--raw", "--model", pair.folder / "model", *options)


def seen(pair: Pair) -> Seen:
    return look(pair.engine, pair.name, pair.controller.home)


def left(pair: Pair, before: Seen, patience_s: float = 20) -> list[str]:
    """What is there that was not; an end takes its time."""
    give_up = time.monotonic() + patience_s
    while (more := seen(pair).beyond(before)) and time.monotonic() < give_up:
        time.sleep(0.2)
    return more


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_and_the_next_answers(built: Pair, tmp_path: Path, how: int):
    def start(file: Path) -> subprocess.Popen[str]:
        return built.controller.start(file, *words(built), program=("-c", TELLS))

    events = tmp_path / "whole"
    assert stop_when(start(events), lambda: False, how) == 0
    steps = lines_of(events)
    assert {b"JobStarted", b"RankStarted", b"RankAnswer"} <= set(steps)
    before = seen(built)
    wrong = []
    for line in chosen(len(steps), how):
        file = tmp_path / f"{how}-{line}"
        code = stop_when(start(file), lambda at=(file, line): len(lines_of(at[0])) >= at[1], how)
        more = left(built, before)
        again = built(*words(built))
        if code not in (0, 130, -how) or more or again.returncode:
            wrong.append((line, steps[line - 1], code, more, again.stderr))

    assert wrong == []

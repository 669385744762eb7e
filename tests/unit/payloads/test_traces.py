"""What processes are, and how they end when they are asked for their stacks; on real ones."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterkit.payloads.processes import parents, signal_group, state_of
from clusterkit.payloads.traces import abort, can_tell, family, is_python, why_not
from tests.e2e.running_job import within

SLEEP = "import time; print('here', flush=True); time.sleep(1000)"


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        signal_group(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)


def start(started: list[subprocess.Popen[bytes]], folder: Path, *argv: str, **env: str) -> int:
    """A program that may write core files, once it has written a line."""
    words = ("sh", "-c", 'ulimit -c unlimited 2>/dev/null; exec "$@"', "sh", *argv)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    env = {**os.environ, **env}
    started.append(subprocess.Popen(words, cwd=folder, env=env, start_new_session=True, **pipes))
    assert started[-1].stdout is not None
    started[-1].stdout.readline()
    return started[-1].pid


def test_python_writes_its_stacks_and_no_core_file(started, tmp_path: Path) -> None:
    pid = start(started, tmp_path, sys.executable, "-c", SLEEP, PYTHONFAULTHANDLER="1")
    assert (is_python(pid), can_tell(pid)) == (True, True)

    abort(pid)
    _, errors = started[0].communicate(timeout=10)

    assert started[0].returncode == -signal.SIGABRT
    assert b'File "<string>", line 1 in <module>' in errors
    assert list(tmp_path.iterdir()) == []


def test_python_that_was_not_told_to_cannot(started, tmp_path: Path) -> None:
    pid = start(started, tmp_path, sys.executable, "-c", SLEEP, PYTHONFAULTHANDLER="")

    assert (is_python(pid), can_tell(pid)) == (True, False)
    name = re.escape(Path(f"/proc/{pid}/comm").read_text().strip())
    sleeps = rf"`{name}` \(pid {pid}\) sleeps( in \w+)?; it runs Python without PYTHONFAULTHANDLER"
    within(5, lambda: re.fullmatch(sleeps, why_not([pid])))


def test_of_several_programs_the_innermost_is_told_of(started, tmp_path: Path) -> None:
    pid = start(started, tmp_path, "sh", "-c", "sleep 1000 & echo here; wait")
    child = within(5, lambda: family(pid, parents())[1:])[0]
    within(5, lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n")
    os.kill(child, signal.SIGSTOP)
    within(5, lambda: state_of(child) == "T")

    assert not is_python(child)
    stopped = f"`sleep` (pid {child}) stopped by a signal (SIGSTOP); it is no Python"
    assert why_not(family(pid, parents())) == stopped
    os.kill(child, signal.SIGKILL)


def test_one_that_has_ended() -> None:
    assert why_not([2**22 + 1]) == "its program has ended"

"""Streams that the caller closed, that nobody reads any more, or that lead to a full disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.controller import CLUSTERKIT, REPOSITORY, Controller, Done

Redirected = Callable[..., Done]


@pytest.fixture
def redirected(clusterkit: Controller) -> Redirected:
    """One command line behind a shell's redirections."""

    def call(redirections: str, *words: object, **streams: int) -> Done:
        shell = ("sh", "-c", f'"$@" {redirections}', "sh", *CLUSTERKIT, *map(str, words))
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        return subprocess.run(
            shell, cwd=REPOSITORY, env=clusterkit.environment, text=True, timeout=60, **streams
        )

    return call


@pytest.fixture
def file(tmp_path: Path, cluster_name: str) -> Path:
    inventory = tmp_path / "local.yaml"
    inventory.write_text(f"cluster: {cluster_name}\nprovider: local\nnodes: {{localhost: }}\n")
    return inventory


@contextmanager
def unread_pipe() -> Iterator[int]:
    """The end to write to of a pipe whose reader is gone, as after `| head -1`."""
    read, write = os.pipe()
    os.close(read)
    try:
        yield write
    finally:
        os.close(write)


def test_up_comes_to_its_end_where_nobody_reads_what_it_says(clusterkit, redirected, file):
    with unread_pipe() as write:
        assert redirected("", "up", file, "--yes", stderr=write).returncode == 0

    assert clusterkit("plan", file, "--exit-code").returncode == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_no_exit_code(redirected, closed):
    good, wrong = redirected(closed, "ls"), redirected(closed, "status", "-c", "absent")

    assert (good.returncode, good.stderr) == (0, "")
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (2, False)


def test_a_full_disk_behind_stdout_is_no_fault_of_ours(redirected):
    done = redirected(">/dev/full", "ls")

    assert (done.returncode, done.stderr) == (
        1,
        "Error: No space left on device.\n"
        "Fix: look at who may use it, and at the space that is left\n",
    )

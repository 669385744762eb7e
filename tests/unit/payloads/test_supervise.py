from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterkit import payloads
from clusterkit.jobs import JobNode, Preparation
from clusterkit.payloads.job_protocol import JOB_VARIABLE, encode
from tests.e2e.running_job import within

PAYLOADS = str(Path(payloads.__file__).parent)


@pytest.fixture
def known(tmp_path: Path) -> Preparation:
    node = JobNode("here", None, sys.executable, PAYLOADS, str(tmp_path / "home"))
    return Preparation(f"test-{uuid.uuid4().hex}", (node,))


@pytest.fixture
def supervisor(known: Preparation) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor that has heard nothing yet."""
    process = subprocess.Popen(
        known.head.payload("supervise", known.id),
        env={**os.environ, JOB_VARIABLE: known.id},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def say(supervisor: subprocess.Popen[bytes], *messages: dict) -> None:
    assert supervisor.stdin is not None
    supervisor.stdin.write(b"".join(map(encode, messages)))


def hear(supervisor: subprocess.Popen[bytes]) -> bytes:
    assert supervisor.stdout is not None
    return supervisor.stdout.readline()


def test_what_is_prepared_waits_and_goes_with_its_owner(known, supervisor, tmp_path):
    say(supervisor, known.as_message(), {"t": "lease"})

    assert hear(supervisor) == encode({"t": "alive"})
    within(10, lambda: children(supervisor.pid) == [f"{PAYLOADS} agent {known.id}"])
    output, _ = supervisor.communicate(timeout=10)
    assert (supervisor.returncode, output) == (0, b"")
    assert list(tmp_path.iterdir()) == []


def test_a_job_of_another_version_is_refused_also_after_it_was_prepared(known, supervisor):
    say(supervisor, known.as_message(), {"t": "job", "version": 0})

    why = "the controller speaks version 0, not 1"
    assert hear(supervisor) == encode({"t": "refused", "why": why})
    assert supervisor.wait(10) == 0


def children(pid: int) -> list[str]:
    """What the children of a process run, without the interpreter and its options."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    lines = [Path(f"/proc/{child}/cmdline").read_bytes() for child in listed]
    return [b" ".join(line.split(b"\0")[3:]).decode().strip() for line in lines]

"""A job that was left runs on, is seen from elsewhere, and ends as any other."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from clusterkit import events
from clusterkit.jobs import (
    Interrupt,
    Job,
    JobRow,
    LogLine,
    list_jobs,
    read_logs,
    run_job,
    stop_job,
)
from clusterkit.payloads.job_protocol import LEASE_TTL_S
from tests.e2e.local_job import HERE, MakeJob, sh, transports
from tests.e2e.running_job import kill_local, local_processes, within

# Longer than any lease, if it counts this far.
BEATS = int(LEASE_TTL_S) + 2
BEAT = "i=0; while :; do i=$((i + 1)); echo beat $i; sleep 1; done"


def leave_pickled(path: str) -> None:
    """A controller of its own, which ends as soon as both ranks have said something."""
    job: Job = pickle.loads(Path(path).read_bytes())  # noqa: S301 - written by the test
    spoke: set[int] = set()

    def hear(event: events.Event) -> None:
        if isinstance(event, events.RankOutput):
            spoke.add(event.rank)

    end = run_job(job, transports, hear, Interrupt(), detach_when=lambda _event: len(spoke) == 2)
    assert (end.outcome, end.exit_code, end.leftovers) == ("detached", 0, ())


@pytest.fixture
def left(make_job: MakeJob, tmp_path: Path) -> Job:
    """A job whose controller has gone."""
    job = make_job(*sh(BEAT))
    (tmp_path / "job").write_bytes(pickle.dumps(job))
    script = "import sys; from tests.e2e.test_detached import leave_pickled as leave"
    argv = [sys.executable, "-c", f"{script}; leave(sys.argv[1])", str(tmp_path / "job")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return job


def row_of(job: Job) -> JobRow:
    return list_jobs(job.nodes, transports)[0]


def lines_of(job: Job) -> list[str]:
    lines: list[LogLine] = []
    read_logs(job.id, job.head, HERE, lines.append, rank=0).wait(5)
    return [line.text for line in lines]


def test_it_runs_on_until_it_is_stopped(left: Job) -> None:
    within(30, lambda: f"beat {BEATS}" in lines_of(left))
    before = row_of(left)

    stopped = stop_job(left.id, left.nodes, transports)

    assert before.state == "running"
    assert (stopped.was_running, stopped.left, stopped.row.state) == (True, (), "stopped")
    assert local_processes(left.id) == {}


@pytest.mark.parametrize(
    ("victim", "state", "message"),
    [
        ("sh -c i=0", "failed", "was ended by SIGKILL"),
        ("supervise", "lost", "its supervisor ended without a word (killed?)"),
    ],
)
def test_it_ends_where_a_part_of_it_dies(left: Job, victim: str, state: str, message: str) -> None:
    kill_local(left.id, victim)

    within(10, lambda: local_processes(left.id) == {})
    row = within(10, lambda: row_of(left) if row_of(left).state != "running" else None)
    assert row.state == state
    assert message in str(row.message)

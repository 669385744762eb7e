"""A job in silence is ended with a trace of every rank; one that writes now and then goes on."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from clusterkit import events
from tests.e2e.local_job import MakeJob, run, sh, transports
from tests.e2e.running_job import RunningJob, within

HANG = """\
import os, time

def deep():
    print("waiting", flush=True)
    while True:
        time.sleep(1000)

def shallow():
    while True:
        time.sleep(1000)

deep() if os.environ["RANK"] == "0" else shallow()
"""


@pytest.fixture(autouse=True)
def no_core_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    yield
    assert [path for path in tmp_path.rglob("core*") if path.is_file()] == []


def written(seen: list[events.Event], rank: int) -> str:
    lines = [e.text for e in seen if isinstance(e, events.RankOutput) and e.rank == rank]
    return "\n".join(lines)


@pytest.mark.parametrize("has_py_spy", [True, False])
def test_each_rank_tells_where_it_hangs(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, has_py_spy: bool
) -> None:
    """The node's py-spy is a stand-in: what a real one writes is compared in the unit tests."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.defpath]))
    py_spy = tmp_path / "py-spy"
    told = 'Thread %s (idle): "MainThread"\\n    from_outside (hang.py:7)\\n'
    py_spy.write_text(f"#!/bin/sh\nprintf '{told}' \"$3\"\n" if has_py_spy else "")
    py_spy.chmod(0o700 if has_py_spy else 0o600)
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    seen: list[events.Event] = []

    job = make_job(sys.executable, "hang.py", files={"hang.py": HANG.encode()}, stall_timeout_s=1)
    end = run(job, seen.append)

    assert (end.outcome, end.exit_code) == ("stalled", 124)
    assert end.cause is not None
    assert end.cause["kind"] == "stalled"
    first, *where = end.message.splitlines()
    assert first == "no rank wrote anything for 1 s, so the job was ended as stalled"
    if has_py_spy:
        assert where == ["ranks 0-1 on here: from_outside (hang.py:7)"]
        assert "from_outside" in written(seen, 1)
    else:
        assert where == [
            "rank 0 on here: deep (hang.py:6) < <module> (hang.py:12)",
            "rank 1 on here: shallow (hang.py:10) < <module> (hang.py:12)",
        ]
        assert 'File "' in written(seen, 1)
        assert {rank.signal for rank in end.ranks} == {"SIGABRT"}


def test_of_a_program_that_is_no_python_it_says_so(make_job: MakeJob) -> None:
    end = run(make_job(*sh("exec sleep 1000"), stall_timeout_s=1))

    assert end.outcome == "stalled"
    where = end.message.splitlines()[1:]
    assert len(where) == 2
    for rank, line in enumerate(where):
        sleeps = r"`sleep` \(pid \d+\) sleeps( in \w+)?; it is no Python"
        assert re.fullmatch(rf"rank {rank} on here: no trace: {sleeps}", line)


def test_a_rank_that_was_stopped_by_a_signal_is_named(make_job: MakeJob) -> None:
    job = make_job(*sh("echo waiting; exec sleep 1000"), stall_timeout_s=2)
    running = RunningJob(job, transports)
    running.until_all_say("waiting")
    pids = within(5, lambda: [e.pid for e in running.events if isinstance(e, events.RankStarted)])
    os.kill(pids[0], signal.SIGSTOP)

    end = running.until_end()

    assert end.outcome == "stalled"
    assert re.search(r"rank 0 on here: no trace: .*stopped by a signal \(SIGSTOP\)", end.message)


def test_one_that_writes_now_and_then_goes_on(make_job: MakeJob) -> None:
    script = "for i in 1 2 3 4 5 6; do test $RANK = 0 && echo $i; sleep 0.5; done"

    end = run(make_job(*sh(script), stall_timeout_s=1.8))

    assert end.outcome == "done"

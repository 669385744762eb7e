from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from clusterkit.payloads import old_jobs
from clusterkit.payloads.causes import cause
from clusterkit.payloads.job_record import JobRecord, tail_of
from clusterkit.payloads.job_story import tell
from clusterkit.payloads.old_jobs import forget_old

JOB = {
    "version": 1,
    "id": "j",
    "verb": "v",
    "cluster": "c",
    "nodes": [{"name": "a", "folder": "/f", "python": "/p"}],
    "ranks": [{"rank": 0, "node": "a", "local_rank": 0}],
}


def test_the_state_is_written_whole_and_when_it_changed(tmp_path: Path) -> None:
    record = JobRecord(tmp_path, JOB)
    record.save()
    first = (tmp_path / "state.json").stat().st_ino
    record.save()
    assert (tmp_path / "state.json").stat().st_ino == first

    record.update_rank(0, pid=7)
    record.update_rank(0, exit_code=3)
    record.save(state="failed", message="m", cause=cause("signal"), ended_at=2.0)

    state = json.loads((tmp_path / "state.json").read_text())
    assert min(state.pop("started_at"), state.pop("attempt_at")) > 1e9
    assert state.pop("supervisor")["pid"] == os.getpid()
    assert state == {
        "version": 1,
        "id": "j",
        "verb": "v",
        "cluster": "c",
        "grace_s": 3.0,
        "state": "failed",
        "owner": "controller",
        "message": "m",
        "cause": cause("signal"),
        "ended_at": 2.0,
        "attempts": [],
        "nodes": [{"name": "a", "folder": "/f", "python": "/p"}],
        "ranks": [
            {
                "rank": 0,
                "node": "a",
                "local_rank": 0,
                "pid": 7,
                "exit_code": 3,
                "signal": None,
            }
        ],
    }


def say(record: JobRecord, rank: int, stream: str, *lines: str) -> None:
    kind = "answer" if stream == "answer" else "output"
    record.keep({"t": kind, "rank": rank, "stream": stream, "lines": list(lines)})


def test_the_tail_prefers_stderr(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    record = JobRecord(tmp_path, JOB)
    say(record, 0, "stdout", *map(str, range(20)))
    say(record, 0, "answer", "{}")
    assert record.tail("rank-0") == [str(i) for i in range(10, 20)]
    say(record, 0, "stderr", "ünï")
    assert record.tail("rank-0") == ["ünï"]
    assert record.tail("rank-1") == []
    record.close()

    logs = {path.name: path.read_text() for path in (tmp_path / "logs").iterdir()}
    del logs["told.jsonl"]
    assert logs == {
        "rank-0.out": "".join(f"{i}\n" for i in range(20)),
        "rank-0.answers": "{}\n",
        "rank-0.err": "ünï\n",
    }
    assert tail_of(tmp_path / "logs", "rank-0") == ["ünï"]
    assert tail_of(tmp_path / "logs", "rank-1") == []


def test_what_was_told_is_told_again_in_its_order(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    record = JobRecord(tmp_path, JOB)
    messages = [
        {"t": "started", "job": "j"},
        {"t": "output", "rank": 0, "stream": "stdout", "lines": ["a", "", "ü"]},
        {"t": "launcher", "node": "a", "lines": ["x"]},
        {"t": "output", "rank": 0, "stream": "stderr", "lines": ["b"]},
        {"t": "answer", "rank": 0, "stream": "answer", "lines": ["{}"]},
        {"t": "output", "rank": 0, "stream": "stdout", "lines": ["c"]},
        {"t": "end", "outcome": "done"},
    ]
    for message in messages:
        record.keep(dict(message))
    record.close()

    told = list(tell(tmp_path / "logs", lambda: True))

    assert all(message.pop("at") > 1e9 for message in told)
    assert told == messages


def test_a_story_without_an_end_ends_when_its_job_is_no_more(tmp_path: Path) -> None:
    assert list(tell(tmp_path, lambda: False)) == [{"t": "died"}]


def test_it_runs_when_every_rank_does(tmp_path: Path) -> None:
    two = [{"rank": rank, "node": "a", "local_rank": rank} for rank in (0, 1)]
    record = JobRecord(tmp_path, {**JOB, "ranks": two})

    assert not record.rank_started(1, 8)
    assert record.state["state"] == "starting"
    assert record.rank_started(0, 7)
    assert json.loads((tmp_path / "state.json").read_text())["state"] == "running"


def test_a_disk_that_is_full_is_a_problem_and_no_fault_of_ours(tmp_path: Path) -> None:
    record = JobRecord(tmp_path, JOB)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "rank-0.out").symlink_to("/dev/full")

    say(record, 0, "stdout", "x")
    record.close()

    assert record.problem == f"{tmp_path} cannot be written: No space left on device"


def test_old_records_are_forgotten_but_not_of_jobs_that_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_jobs, "_KEPT_JOBS", 2)
    for age in range(5):
        folder = tmp_path / f"job-{age}"
        folder.mkdir()
        (folder / "state.json").write_text("{}")
        os.utime(folder / "state.json", (1000 - age, 1000 - age))
    (tmp_path / "job-4" / "supervisor.sock").write_text("")

    forget_old(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["job-0", "job-1", "job-4"]

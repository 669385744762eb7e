from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from clusterkit.payloads import job_record
from clusterkit.payloads.job_record import JobRecord, forget_old

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
    record.save(state="failed", message="m", ended_at=2.0)

    state = json.loads((tmp_path / "state.json").read_text())
    assert state.pop("started_at") > 1e9
    assert state.pop("supervisor")["pid"] == os.getpid()
    assert state == {
        "version": 1,
        "id": "j",
        "verb": "v",
        "cluster": "c",
        "state": "failed",
        "message": "m",
        "ended_at": 2.0,
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


def test_the_tail_prefers_stderr(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    record = JobRecord(tmp_path, JOB)
    record.log("rank-0", "stdout", [str(i) for i in range(20)])
    record.log("rank-0", "answer", ["{}"])
    assert record.tail("rank-0") == [str(i) for i in range(10, 20)]
    record.log("rank-0", "stderr", ["ünï"])
    assert record.tail("rank-0") == ["ünï"]
    assert record.tail("rank-1") == []
    record.close()

    logs = {path.name: path.read_text() for path in (tmp_path / "logs").iterdir()}
    assert logs == {
        "rank-0.out": "".join(f"{i}\n" for i in range(20)),
        "rank-0.answers": "{}\n",
        "rank-0.err": "ünï\n",
    }


def test_old_records_are_forgotten_but_not_of_jobs_that_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_record, "_KEPT_JOBS", 2)
    for age in range(5):
        folder = tmp_path / f"job-{age}"
        folder.mkdir()
        (folder / "state.json").write_text("{}")
        os.utime(folder / "state.json", (1000 - age, 1000 - age))
    (tmp_path / "job-4" / "supervisor.sock").write_text("")

    forget_old(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["job-0", "job-1", "job-4"]

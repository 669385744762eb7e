"""Which files of jobs, builds and pushes nobody has any more; what lies beside them stays."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import pytest

from clusterkit.payloads import left_files
from clusterkit.payloads.left_files import job_folders, regions, remove, unfinished


def _made(path: Path, *names: str) -> Path:
    path.mkdir(parents=True)
    for name in names:
        (path / name).write_text("x")
    return path


def test_a_folder_of_a_dead_job_goes_but_for_its_record(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    dead = _made(jobs / "infer-00000a", "state.json", "supervisor.sock")
    _made(dead / "logs", "rank-0.err")
    on_a_worker = _made(jobs / "infer-00000b", "run")
    _made(jobs / "infer-00000c", "run")
    _made(jobs / "infer-00000d", "state.json")
    _made(jobs / "notes of mine", "run")
    (jobs / "infer-00000e").symlink_to(_made(tmp_path / "elsewhere", "run"))

    found = list(job_folders([str(tmp_path)], living={"infer-00000c"}))
    for file in found:
        remove(file.path)

    assert [(file.path, file.job) for file in found] == [
        (dead, "infer-00000a"),
        (on_a_worker, "infer-00000b"),
    ]
    assert sorted(path.name for path in jobs.iterdir()) == [
        *("infer-00000a", "infer-00000c", "infer-00000d", "infer-00000e", "notes of mine"),
    ]
    assert sorted(path.name for path in dead.iterdir()) == ["logs", "state.json"]
    assert (tmp_path / "elsewhere" / "run").exists()


def test_work_goes_when_nobody_holds_its_lock(tmp_path: Path) -> None:
    engines = tmp_path / "engines"
    build = _made(engines / "llama.a1b2c3d4.part", ".lock", "rank0.engine")
    push = _made(engines / "llama-0123.part", ".lock", ".wanted")
    held = _made(engines / "llama.zzzzzzzz.part", ".lock")
    upload = _made(engines / "llama-0123.0a1b2c3d.upload", ".lock", "model.safetensors")
    _made(engines / "llama-0123.0a1b2c3e.upload", "model.safetensors")
    _made(engines / "mine.part", "notes")
    (engines / "file.part").write_text("x")
    checkpoint = _made(engines / "llama.00000000.part.checkpoint", "config.json")
    old_s = time.time() - 600
    os.utime(checkpoint, (old_s, old_s))
    _made(engines / "llama.zzzzzzzz.part.checkpoint", "config.json")

    with (held / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = list(unfinished([str(tmp_path)]))

    assert [(file.path, file.why) for file in found] == [
        (upload, "an upload that was broken off"),
        (push, "a push that was broken off"),
        (checkpoint, "the checkpoint of a build that was broken off"),
        (build, "a build that was broken off"),
    ]


def test_a_region_goes_when_its_job_is_dead_and_nobody_maps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_files, "SHARED_MEMORY", str(tmp_path))
    names = ("infer-00000a-0-x", "infer-00000b-0-x", "nightly-0", "infer-00000a")
    for name in names:
        (tmp_path / f"clusterkit-{name}").write_text("x")
    (tmp_path / "infer-00000a-0-x").write_text("x")

    found = list(regions(living={"infer-00000b"}))

    assert [(file.path.name, file.job) for file in found] == [
        ("clusterkit-infer-00000a-0-x", "infer-00000a")
    ]

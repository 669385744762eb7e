"""`sweep` on this machine: what a job without a supervisor left goes, and nothing like it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.controller import Controller
from tests.e2e.local_cluster import describe_local
from tests.e2e.running_job import local_processes, within

SCRIPT = """
import os, subprocess, time
subprocess.Popen(["sleep", "1007"], start_new_session=True)
print("here", flush=True)
time.sleep(1008)
"""

# Not NVIDIA's: it says of every `sleep 1007` that it holds memory, as `nvidia-smi` says it.
NVIDIA_SMI = """#!/bin/sh
for words in $(grep -lzx -e 1007 /proc/[0-9]*/cmdline 2>/dev/null); do
    pid=${words%/cmdline}
    echo "${pid##*/}, 512, GPU-8f9d0c5e-7c2a-4bb7-9a57-0d8a5b2b1f11"
done
"""


@pytest.fixture
def file(tmp_path: Path, cluster_name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory of this machine; Docker is out of reach."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    return describe_local(tmp_path, cluster_name)


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes whose environment looks like that of a job."""
    given = (
        {"CLUSTERKIT_JOB": "nightly"},
        {"CLUSTERKIT_JOB": "run-0a1b2c"},  # of no job of this cluster
        {"MY_CLUSTERKIT_JOB": "run-0a1b2c", "CLUSTERKIT_JOBS": "run-0a1b2c"},
    )
    made = [subprocess.Popen(["sleep", "1009"], env=os.environ | each) for each in given]
    try:
        yield made
    finally:
        for process in made:
            process.kill()
            process.wait()


def detached(clusterkit: Controller, script: Path) -> str:
    done = clusterkit("run", "--detach", "--ranks", "1", "-o", "json", "--", script)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["job"]


def orphaned(job: str) -> dict[int, str]:
    """Kill what watches a job, so that what a rank put aside is left alone."""
    seen = local_processes(job).items()
    keepers = [pid for pid, words in seen if {"supervise", "agent"} & set(words.split())]
    for number in (signal.SIGSTOP, signal.SIGKILL):  # none is to see the other end
        for pid in keepers:
            os.kill(pid, number)
    return within(10, lambda: _only_sleeping(job))


def _only_sleeping(job: str) -> dict[int, str]:
    left = local_processes(job)
    return left if {words.split()[0] for words in left.values()} == {"sleep"} else {}


def test_what_a_job_left_goes_and_what_lives_or_is_anothers_stays(
    clusterkit: Controller,
    file: Path,
    cluster_name: str,
    tmp_path: Path,
    foreign: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
):
    assert clusterkit("up", file, "--yes").returncode == 0
    (tmp_path / "nvidia-smi").write_text(NVIDIA_SMI)
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    script = tmp_path / "aside.py"
    script.write_text(SCRIPT)
    living, dead = detached(clusterkit, script), detached(clusterkit, script)
    within(30, lambda: any("sleep 1007" in words for words in local_processes(dead).values()))
    (left,) = orphaned(dead)
    jobs = clusterkit.home / "clusters" / cluster_name / "node" / "jobs"
    try:
        done = clusterkit("sweep", "-c", cluster_name, "--yes", "-o", "json")

        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert [(row["kind"], row["what"]) for row in result["removed"]] == [
            ("process", f"sleep 1007 (pid {left}), holds 512 MiB of GPU memory"),
            ("files", str(jobs / dead)),
        ]
        assert result["left"] == []
        assert local_processes(dead) == {}
        assert sorted(path.name for path in (jobs / dead).iterdir()) == ["logs", "state.json"]
        assert [process.poll() for process in foreign] == [None, None, None]
        listed = json.loads(clusterkit("jobs", "-o", "json").stdout)["jobs"]
        assert {row["id"]: row["state"] for row in listed} == {living: "running", dead: "lost"}
    finally:
        assert clusterkit("stop", living).returncode == 0
        for job in (living, dead):
            for pid in local_processes(job):
                os.kill(pid, signal.SIGKILL)


def test_a_folder_of_a_cluster_that_never_was(
    clusterkit: Controller, file: Path, cluster_name: str
):
    folder = clusterkit.home / "clusters" / cluster_name
    folder.mkdir(parents=True)
    (folder / "contacts.json").write_text("{}")

    young = clusterkit("sweep", "--inventory", file, "--yes", "-o", "json")
    for path in (folder / "contacts.json", folder):
        os.utime(path, (1, 1))
    old = clusterkit("sweep", "--inventory", file, "--yes", "-o", "json")

    assert json.loads(young.stdout)["found"] == []
    assert [row["what"] for row in json.loads(old.stdout)["removed"]] == [str(folder)]
    assert not folder.exists()


def test_a_job_whose_folder_somebody_removed(
    clusterkit: Controller, file: Path, cluster_name: str, tmp_path: Path
):
    """Nobody can stop it any more, as its record and its sockets are gone; its processes live."""
    assert clusterkit("up", file, "--yes").returncode == 0
    script = tmp_path / "aside.py"
    script.write_text(SCRIPT)
    job = detached(clusterkit, script)
    folder = clusterkit.home / "clusters" / cluster_name
    until = time.monotonic() + 10
    while folder.exists() and time.monotonic() < until:  # the job may still write into it
        shutil.rmtree(folder, ignore_errors=True)
    try:
        done = clusterkit("sweep", "--yes", "-o", "json")
        removed = json.loads(done.stdout)["removed"]
    finally:
        left = local_processes(job)
        for pid in left:
            os.kill(pid, signal.SIGKILL)

    assert left == {}
    assert {row["why"] for row in removed if "sleep 1007" in row["what"] or job in row["why"]} == {
        f"the folder of job {job} was removed: nobody can stop it any more",
        f"job {job} has no supervisor and no agent here",
    }

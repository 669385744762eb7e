"""What should be gone and is not: found on real processes and files."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from clusterkit.payloads.gone import Left, left_of
from clusterkit.payloads.mounts import mounted_in

_LISTEN = (
    "import socket, sys, time; s = socket.create_server(('127.0.0.1', 0)); "
    "print(s.getsockname()[1], flush=True); time.sleep(1000)"
)


def test_a_process_of_the_job_comes_with_its_port_and_one_like_it_does_not() -> None:
    job = f"gone-{secrets.token_hex(4)}"
    words = [sys.executable, "-c", _LISTEN]
    mine = subprocess.Popen(
        words, env=os.environ | {"CLUSTERKIT_JOB": job}, stdout=subprocess.PIPE, text=True
    )
    other = subprocess.Popen(["sleep", "1000"], env=os.environ | {"CLUSTERKIT_JOB": f"{job}0"})
    try:
        assert mine.stdout is not None
        port = mine.stdout.readline().strip()
        (row,) = left_of([job], [])
    finally:
        for process in (mine, other):
            process.kill()
            process.communicate()
    assert row.what == f"{' '.join(words)[:200]} (pid {mine.pid}), listens on 127.0.0.1:{port}"
    assert row.remove_with == f"kill -9 {mine.pid}"
    assert left_of([job], []) == []


# Not NVIDIA's: it says that a process holds memory, as `nvidia-smi` says it.
_NVIDIA_SMI = """#!/bin/sh
test "$*" = "--query-compute-apps=pid,used_gpu_memory,gpu_uuid --format=csv,noheader,nounits" &&
    echo "$HOLDS, 40960, GPU-8f9d0c5e-7c2a-4bb7-9a57-0d8a5b2b1f11"
"""


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(_NVIDIA_SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


@pytest.mark.usefixtures("nvidia_smi")
def test_memory_of_a_gpu_is_told_of_a_process_that_lives_and_of_one_that_was_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = f"gone-{secrets.token_hex(4)}"
    mine = subprocess.Popen(["sleep", "1000"], env=os.environ | {"CLUSTERKIT_JOB": job})
    monkeypatch.setenv("HOLDS", str(mine.pid))
    try:
        assert [row.what for row in left_of([job], [])] == [
            f"sleep 1000 (pid {mine.pid}), holds 40960 MiB of GPU memory"
        ]
    finally:
        mine.kill()
        mine.wait()
    assert left_of([job], [], [mine.pid]) == [
        Left(
            f"40960 MiB of GPU memory of process {mine.pid}, which was killed",
            "nvidia-smi --gpu-reset  # once nobody else computes there",
        )
    ]
    assert left_of([job], [], [1]) == []


def test_a_process_that_runs_from_a_folder_of_ours(tmp_path: Path) -> None:
    for name in ("ours", "ours too"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.py").write_text("import time; time.sleep(1000)")
    programs = [
        subprocess.Popen([sys.executable, str(tmp_path / name / "x.py")])
        for name in ("ours", "ours too")
    ]
    try:
        rows = left_of([], [str(tmp_path / "ours")])
    finally:
        for process in programs:
            process.kill()
            process.wait()
    assert [row.remove_with for row in rows] == [f"kill -9 {programs[0].pid}"]


def test_shared_memory_of_the_job_alone() -> None:
    job = f"gone-{secrets.token_hex(4)}"
    own = Path(f"/dev/shm/clusterkit-{job}-a")  # noqa: S108
    other = Path(f"/dev/shm/clusterkit-{job}0-a")  # noqa: S108
    try:
        own.touch()
        other.touch()
        assert [row.what for row in left_of([job], [])] == [str(own)]
    finally:
        own.unlink()
        other.unlink()


def test_mounts_in_a_folder_the_innermost_first() -> None:
    table = (
        "proc /proc proc rw 0 0\n"
        "s:/x /home/a\\040b/node nfs rw 0 0\n"
        "s:/y /home/a\\040b/node/deep nfs rw 0 0\n"
        "s:/z /home/a\\040b/nodes nfs rw 0 0\n"
    )
    assert mounted_in(table, ["/home/a b/node"]) == ["/home/a b/node/deep", "/home/a b/node"]
    assert mounted_in(table, []) == []


def test_the_sweep_of_a_job_says_what_it_could_not_remove(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    (folder / "run").mkdir(parents=True)
    words = [sys.executable, "-m", "clusterkit.payloads", "sweep", "gone-000000", str(folder)]
    whole = subprocess.run([*words, "node"], capture_output=True, text=True, check=True)
    assert json.loads(whole.stdout) == {"found": [], "left": []}
    assert not folder.exists()

    folder.mkdir()
    (folder / "state.json").write_text("{}")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "supervisor.sock"))
        swept = subprocess.run([*words, "head"], capture_output=True, text=True, check=True)
    assert json.loads(swept.stdout) == {"found": [], "left": []}
    assert [path.name for path in folder.iterdir()] == ["state.json"]

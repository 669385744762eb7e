"""The same life on this machine: no root, no Docker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.controller import Controller
from tests.e2e.local_cluster import describe_local


@pytest.fixture
def file(tmp_path: Path, cluster_name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory of this machine; Docker is out of reach."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    return describe_local(tmp_path, cluster_name)


def steps(clusterkit: Controller, file: Path) -> list[str]:
    done = clusterkit("up", file, "--yes", "-o", "json")
    assert done.returncode == 0, done.stderr
    return [step["summary"] for step in json.loads(done.stdout)["steps"]]


def test_up_mends_what_is_damaged_and_down_leaves_nothing(clusterkit, file, cluster_name):
    steps(clusterkit, file)
    again = steps(clusterkit, file)
    node = clusterkit.home / "clusters" / cluster_name / "node"
    (node / "hostfile").write_text("localhost slots=9\n")
    noticed = clusterkit("plan", file, "--exit-code")
    mended = steps(clusterkit, file)
    hello = clusterkit("mpi-hello", "-o", "json")
    gone = clusterkit("down", "--yes")
    twice = clusterkit("down", "--inventory", file, "--yes")

    assert (again, mended) == ([], [f"rewrite {node}/hostfile"])
    assert noticed.returncode == 6
    assert [rank["ok"] for rank in json.loads(hello.stdout)["ranks"]] == [True, True]
    assert (gone.returncode, twice.returncode) == (0, 0)
    assert not (clusterkit.home / "clusters" / cluster_name).exists()
    assert not (clusterkit.home / "current").exists()


def test_down_goes_on_where_an_earlier_one_got_half_way(clusterkit, file, cluster_name):
    steps(clusterkit, file)
    for folder in (clusterkit.home / "clusters" / cluster_name / "node").glob("payload-*"):
        shutil.rmtree(folder)

    gone = clusterkit("down", "--yes")

    assert (gone.returncode, (clusterkit.home / "clusters" / cluster_name).exists()) == (0, False)


def test_down_says_what_is_left_and_how_to_remove_it(clusterkit, file, cluster_name):
    steps(clusterkit, file)
    node = clusterkit.home / "clusters" / cluster_name / "node"
    shutil.copy(shutil.which("sleep"), node / "nap")
    ours = subprocess.Popen([node / "nap", "1000"])
    other = subprocess.Popen(["sleep", "1000"], env=os.environ | {"HERE": str(node)})
    try:
        done = clusterkit("down", "--yes")
        lives = other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()
    again = clusterkit("down", "--yes")

    assert (done.returncode, lives) == (1, True)
    assert done.stdout.splitlines()[-2:] == [
        "1 thing is left:",
        f"  ! localhost: {node}/nap 1000 (pid {ours.pid}). To remove it there: kill -9 {ours.pid}",
    ]
    assert (again.returncode, node.parent.exists()) == (0, False)


def test_a_lock_that_somebody_elsewhere_holds(clusterkit, file, cluster_name):
    lock = clusterkit.home / "clusters" / cluster_name / "lock.json"
    lock.parent.mkdir(parents=True)
    holder = {"id": "1", "user": "ann", "host": "elsewhere", "pid": "7", "verb": "up"}
    lock.write_text(json.dumps(holder | {"since": "then", "started": "1"}))

    refused = clusterkit("up", file, "--yes")

    assert (refused.returncode, refused.stderr) == (
        5,
        f"Error: cluster {cluster_name} is locked: ann@elsewhere runs `clusterkit up` (pid 7) "
        "since then.\nFix: wait for it to end, for example with `--lock-wait 600`; if it is gone, "
        "`clusterkit lock release --force --inventory INVENTORY`\n",
    )
    assert sorted(path.name for path in lock.parent.iterdir()) == ["lock.json"]
    released = clusterkit("lock", "release", "--inventory", file, "--force", "--yes")
    assert released.stdout == (
        f"The lock of cluster {cluster_name} was taken from ann@elsewhere (pid 7).\n"
    )
    assert not lock.parent.exists()


def test_a_python_that_is_none_leaves_nothing_behind(clusterkit, file, cluster_name):
    file.write_text(file.read_text() + "python: /usr/bin/env\n")

    done = clusterkit("up", file, "--yes")

    assert done.returncode == 1
    assert done.stderr.endswith(
        "Error: localhost: /usr/bin/env is no Python that runs here: "
        "/usr/bin/env: invalid option -- 'I'.\n"
        "Fix: correct `python` in the inventory, or take it out to have one looked for\n"
    )
    assert not (clusterkit.home / "clusters" / cluster_name).exists()


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\x00"])
def test_up_mends_a_record_that_cannot_be_read(clusterkit, file, cluster_name, damage):
    steps(clusterkit, file)
    record = clusterkit.home / "clusters" / cluster_name / "applied.json"
    record.write_bytes(damage)
    (clusterkit.home / "current").write_bytes(damage)

    noticed = clusterkit("status", "-c", cluster_name)
    again = steps(clusterkit, file)
    mended = clusterkit("status")

    assert (noticed.returncode, mended.returncode, again) == (1, 0, [])
    assert "Fix: run `clusterkit up INVENTORY` again, which writes it anew" in noticed.stderr


def test_an_up_that_fails_keeps_a_cluster_whose_record_cannot_be_read(
    clusterkit, file, cluster_name
):
    steps(clusterkit, file)
    folder = clusterkit.home / "clusters" / cluster_name
    (folder / "applied.json").write_bytes(b"{")
    (folder / "node" / "hostfile").unlink()
    (folder / "node" / "hostfile").mkdir()

    failed = clusterkit("up", file, "--yes")

    assert failed.returncode == 1, failed.stderr
    assert (folder / "keys" / "operator").is_file()


def test_an_empty_name_is_not_the_current_cluster(clusterkit, file):
    steps(clusterkit, file)

    done = clusterkit("down", "-c", "", "--yes")

    assert (done.returncode, done.stderr) == (
        2,
        "Error: `-c` names no cluster.\nFix: give a name, or leave `-c` out\n",
    )
    assert clusterkit("plan", file, "--exit-code").returncode == 0

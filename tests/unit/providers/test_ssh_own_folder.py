"""The folder on a machine in which everything of the cluster lies; the scripts run for real."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from clusterkit.command import Command
from clusterkit.errors import ClusterkitError, CommandFailed
from clusterkit.providers.ssh.own_folder import OwnFolder, OwnFolderGone
from tests.unit.providers.machines import lab, machine
from tests.unit.tasks.shell import apply, look, names, run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home/.clusterkit/lab/gpu01"


def task(path: Path) -> OwnFolder:
    node = machine(1, home=str(path))
    return OwnFolder(lab(nodes=(node,)), node)


def gone(path: Path) -> OwnFolderGone:
    return OwnFolderGone("gpu01", str(path))


def summaries(task: OwnFolder | OwnFolderGone) -> list[str]:
    """What is done about it."""
    change = look(task)
    apply(change)
    return [f"{step.sign} {step.summary}" for step in change.steps]


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o777:o}"


def test_it_is_made_closed_to_others(path: Path):
    assert summaries(task(path)) == [f"+ make {path}", "+ put clusterkit.json there"]
    assert (mode(path), mode(path / "clusterkit.json")) == ("700", "600")
    assert (path / "clusterkit.json").read_text() == '{"cluster": "lab", "node": "gpu01"}'
    assert look(task(path)).summary == f"{path} is there"
    assert look(task(path)).steps == ()


def test_the_folders_above_it_are_closed_too_where_new_files_are_open_to_all(path: Path):
    before = os.umask(0)
    try:
        summaries(task(path))
    finally:
        os.umask(before)

    assert [mode(each) for each in (path, path.parent, path.parents[1])] == ["700", "700", "700"]


def test_one_that_somebody_opened_is_closed(path: Path):
    summaries(task(path))
    path.chmod(0o755)

    assert summaries(task(path)) == [f"~ close {path} to others"]
    assert mode(path) == "700"


def test_one_that_is_empty_is_what_an_interrupted_up_left(path: Path):
    path.mkdir(parents=True)

    assert summaries(task(path)) == [f"+ make {path}", "+ put clusterkit.json there"]
    assert mode(path) == "700"


def test_a_draft_of_the_manifest_is_what_a_killed_up_left(path: Path):
    path.mkdir(parents=True)
    (path / "clusterkit.json.5e1f.part").touch()

    assert summaries(task(path)) == [f"+ make {path}", "+ put clusterkit.json there"]
    assert names(path) == ["clusterkit.json"]
    (path / "clusterkit.json").rename(path / "clusterkit.json.5e1f.part")
    assert summaries(gone(path)) == [f"- remove {path}"]
    assert names(path.parents[2]) == []


_ONLY_ROOT_CAN_GIVE_AWAY = ["another user's"] if os.geteuid() == 0 else []


@pytest.mark.parametrize("what", ["a folder with files", "a file", *_ONLY_ROOT_CAN_GIVE_AWAY])
def test_one_that_is_not_ours_is_not_touched(path: Path, what: str):
    if what == "a file":
        path.parent.mkdir(parents=True)
        path.touch()
    else:
        path.mkdir(parents=True)
        (path / ("thesis" if what == "a folder with files" else "clusterkit.json")).touch()
    if what == "another user's":
        os.chown(path, 12345, 12345)

    with pytest.raises(ClusterkitError) as caught:
        look(task(path))

    assert str(caught.value) == (
        f"gpu01: {path} is there, and clusterkit did not make it. "
        "Fix: move it away, or give the cluster another name"
    )


def test_it_goes_with_all_that_is_in_it_and_the_empty_folders_above(path: Path):
    summaries(task(path))
    (path / "jobs/a b").mkdir(parents=True)
    (path / "jobs/a b/log").touch()

    assert summaries(gone(path)) == [f"- remove {path}"]
    assert names(path.parents[2]) == []
    assert look(gone(path)).summary == f"{path} is gone"


def test_what_runs_of_its_jobs_ends_first(path: Path):
    summaries(task(path))
    (path / "jobs/hello-1").mkdir(parents=True)
    rank, other = (
        subprocess.Popen(["sleep", "60"], env=os.environ | {"CLUSTERKIT_JOB": job})
        for job in ("hello-1", "hello-12")
    )
    try:
        until_shown(rank, "CLUSTERKIT_JOB=hello-1")
        assert summaries(gone(path)) == [f"- remove {path}"]
        ended = rank.wait(10)
        assert (ended, other.poll(), path.exists()) == (-signal.SIGKILL, None, False)
    finally:
        for process in (rank, other):
            process.kill()
            process.wait()


def until_shown(process: subprocess.Popen[bytes], assignment: str) -> None:
    """Wait until the program runs: before that the environment is its parent's."""
    deadline = time.monotonic() + 10
    while assignment not in Path(f"/proc/{process.pid}/environ").read_text().split("\0"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_is_beside_it_stays(path: Path):
    summaries(task(path))
    (path.parents[1] / "den").mkdir()

    summaries(gone(path))

    assert names(path.parents[1]) == ["den"]


def test_a_link_to_a_larger_disk_stays(path: Path, tmp_path: Path):
    (tmp_path / "disk").mkdir()
    path.parents[1].symlink_to(tmp_path / "disk")
    summaries(task(path))
    assert names(tmp_path / "disk") == ["lab"]

    summaries(gone(path))

    assert (names(tmp_path / "disk"), path.parents[1].is_symlink()) == ([], True)


def test_one_without_a_manifest_is_not_removed(path: Path):
    path.mkdir(parents=True)
    (path / "thesis").touch()

    with pytest.raises(CommandFailed, match="clusterkit did not make it"):
        summaries(gone(path))
    assert names(path) == ["thesis"]


def test_one_that_cannot_be_looked_at_is_an_error():
    (step,) = OwnFolderGone("gpu01", "/nowhere").plan(None).steps
    assert isinstance(step.action, Command)
    assert step.summary == "remove /nowhere"
    with pytest.raises(CommandFailed):
        OwnFolderGone("gpu01", "/x").plan(run(Command(("sh", "-c", "exit 2"))))

from __future__ import annotations

import subprocess

import pytest

from clusterkit.command import Command, Result, Step
from clusterkit.errors import CommandFailed
from clusterkit.tasks.base import Change
from clusterkit.tasks.folder_gone import REMOVE, FolderGone
from tests.unit.tasks.shell import apply, look


def test_a_folder_goes_with_all_that_is_in_it(tmp_path):
    folder = tmp_path / "a home"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("x")
    (tmp_path / "beside").write_text("x")
    task = FolderGone("node1", str(folder))

    found = look(task)
    apply(found)

    remove = Command(("sh", "-c", REMOVE, "sh", str(folder)))
    assert found == Change(f"remove {folder}", (Step("node1", f"remove {folder}", remove, "-"),))
    assert look(task) == Change(f"{folder} is gone")
    assert [path.name for path in tmp_path.iterdir()] == ["beside"]


def test_a_look_that_failed_does_not_say_that_it_is_gone():
    task = FolderGone("node1", "/home")

    with pytest.raises(CommandFailed):
        task.plan(Result("node1", task.probe(), 126, stderr="not permitted"))


def test_what_is_mounted_in_it_stays(tmp_path):
    share, folder = tmp_path / "share", tmp_path / "a home"
    point = folder / "run" / "its data"
    for each in (share, point, tmp_path / "a home too"):
        each.mkdir(parents=True)
    (share / "theirs").write_text("x")
    mount = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    words = ["unshare", "-rm", "sh", "-c", mount, "sh", share, point, "sh", "-c", REMOVE, "sh"]

    refused = subprocess.run([*words, folder], capture_output=True, text=True)
    beside = subprocess.run([*words, tmp_path / "a home too"], capture_output=True, text=True)

    assert (refused.returncode, refused.stderr) == (
        1,
        f"{point} is mounted in it, and is another's. Fix: umount '{point}'\n",
    )
    assert (share / "theirs").exists()
    assert (beside.returncode, beside.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a home", "share"]

from __future__ import annotations

import pytest

from clusterkit.command import Command, Result, Step
from clusterkit.errors import CommandFailed
from clusterkit.tasks.base import Change
from clusterkit.tasks.folder_gone import FolderGone
from tests.unit.tasks.shell import apply, look


def test_a_folder_goes_with_all_that_is_in_it(tmp_path):
    folder = tmp_path / "a home"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("x")
    (tmp_path / "beside").write_text("x")
    task = FolderGone("node1", str(folder))

    found = look(task)
    apply(found)

    remove = Command(("rm", "-rf", "--", str(folder)))
    assert found == Change(f"remove {folder}", (Step("node1", f"remove {folder}", remove, "-"),))
    assert look(task) == Change(f"{folder} is gone")
    assert [path.name for path in tmp_path.iterdir()] == ["beside"]


def test_a_look_that_failed_does_not_say_that_it_is_gone():
    task = FolderGone("node1", "/home")

    with pytest.raises(CommandFailed):
        task.plan(Result("node1", task.probe(), 126, stderr="not permitted"))

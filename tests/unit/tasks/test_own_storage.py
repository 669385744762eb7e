from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from clusterkit.command import Command, Result, Step
from clusterkit.errors import ClusterkitError
from clusterkit.model.cluster import Storage, default_sync_path
from clusterkit.tasks import own_storage
from clusterkit.tasks.base import Change
from clusterkit.tasks.own_storage import OwnStorage, OwnStorageGone, own_folder
from tests.unit.pair import pair
from tests.unit.tasks.shell import apply, look, names

NOBODY = 65534


def storage_of(path: str):
    return own_folder(pair(storage=Storage("sync", path)))


def test_the_default_path_is_all_ours_and_another_path_in_part():
    own, another = default_sync_path("pair"), default_sync_path("other")

    assert storage_of(own) == own
    assert storage_of("/scratch/") == "/scratch/clusterkit"
    assert storage_of(another) == f"{another}/clusterkit"


def test_it_is_made_once_closed_to_others_and_removed_with_what_it_made(tmp_path: Path):
    folder = tmp_path / "it's a disk" / "clusterkit"
    task = OwnStorage("node1", str(folder), "lab")

    missing = look(task)
    apply(missing)

    summary = f"make {folder}, a storage of its own"
    make = Command(("sh", "-c", own_storage._MAKE, "sh", str(folder), "lab"))
    assert missing == Change(summary, (Step("node1", summary, make, "+"),)) == task.plan(None)
    assert look(task) == Change(f"{folder} is this node's own")
    assert folder.stat().st_mode & 0o777 == 0o700

    (folder / "models").mkdir()
    gone = OwnStorageGone("node1", str(folder), "lab")
    apply(look(gone))
    assert look(gone) == Change(f"no copies are kept in {folder}")
    assert names(tmp_path) == []


def test_what_was_there_before_stays(tmp_path: Path):
    folder = tmp_path / "clusterkit"
    apply(look(OwnStorage("node1", str(folder), "lab")))
    (tmp_path / "mine").touch()
    apply(look(OwnStorageGone("node1", str(folder), "lab")))

    assert names(tmp_path) == ["mine"]


def test_the_copies_of_another_cluster_stay(tmp_path: Path):
    folder = tmp_path / "clusterkit"
    for cluster in ("lab", "other"):
        apply(look(OwnStorage("node1", str(folder), cluster)))
    (folder / "models").mkdir()

    apply(look(OwnStorageGone("node1", str(folder), "lab")))
    assert names(folder) == [".clusters", "models"]
    apply(look(OwnStorageGone("node1", str(folder), "other")))
    assert names(tmp_path) == []


def test_a_folder_that_is_open_to_others_is_closed(tmp_path: Path):
    folder = tmp_path / "clusterkit"
    task = OwnStorage("node1", str(folder), "lab")
    apply(look(task))
    folder.chmod(0o755)

    opened = look(task)
    apply(opened)

    assert opened.summary == f"close {folder} to others"
    assert look(task) == Change(f"{folder} is this node's own")


def test_an_empty_folder_of_the_users_own_is_taken(tmp_path: Path):
    """As Docker makes it where it mounts one."""
    task = OwnStorage("node1", str(tmp_path), "lab")
    apply(look(task))

    assert look(task) == Change(f"{tmp_path} is this node's own")


def make(folder: Path, kind: str) -> None:
    if kind == "another's":
        folder.mkdir()
        os.chown(folder, NOBODY, NOBODY)
    elif kind == "link":
        (folder.parent / "elsewhere").mkdir()
        folder.symlink_to(folder.parent / "elsewhere")
    elif kind == "link to nothing":
        folder.symlink_to(folder.parent / "nothing")
    else:
        folder.touch()


@pytest.mark.parametrize("kind", ["another's", "link", "link to nothing", "file"])
def test_what_is_not_ours_is_never_used(tmp_path: Path, kind: str):
    if kind == "another's" and os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    folder = tmp_path / "clusterkit"
    make(folder, kind)
    task = OwnStorage("node1", str(folder), "lab")

    with pytest.raises(ClusterkitError) as caught:
        look(task)

    assert str(caught.value) == (
        f"node1: {folder} is there, and is no folder of this user's own. "
        "Fix: have its owner move it away, or set another `path` in `storage`"
    )
    made = subprocess.run(task.plan(None).steps[0].action.argv, capture_output=True)
    assert made.returncode != 0  # nor where somebody was faster than we
    assert look(OwnStorageGone("node1", str(folder), "lab")).steps == ()


def test_files_of_somebody_else_are_not_taken_for_copies(tmp_path: Path):
    (tmp_path / "thesis").touch()

    with pytest.raises(ClusterkitError) as caught:
        look(OwnStorage("node1", str(tmp_path), "lab"))

    assert str(caught.value) == (
        f"node1: {tmp_path} is there with files that are no copies of clusterkit's. "
        "Fix: move it away, or set another `path` in `storage`"
    )


def test_a_place_where_the_user_may_not_write_is_named():
    task = OwnStorage("node1", "/data/copies/clusterkit", "lab")

    with pytest.raises(ClusterkitError) as caught:
        task.plan(Result("node1", task.probe(), 7, "/\n"))

    assert str(caught.value) == (
        "node1: /data/copies/clusterkit cannot be made: / is not this user's to write to. "
        "Fix: set a `path` in `storage` where the login user of each machine may write"
    )


def test_a_container_that_is_gone_is_left_alone():
    task = OwnStorageGone("node1", "/scratch/clusterkit", "lab", needs_answer=False)

    seen = task.plan(Result("node1", task.probe(), 255, stderr="connection refused"))

    assert seen == Change("/scratch/clusterkit cannot be looked at")

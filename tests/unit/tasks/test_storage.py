from __future__ import annotations

import pytest

from clusterkit.command import Command, Result, Step
from clusterkit.errors import ClusterkitError
from clusterkit.tasks.base import Change
from clusterkit.tasks.storage import SharedFolder
from tests.unit.tasks.shell import apply, look


def test_the_folder_is_made_once(tmp_path):
    path = str(tmp_path / "it's shared")
    task = SharedFolder("node1", path)

    missing = look(task)
    apply(missing)

    make = Command(("mkdir", "-p", "--", f"{path}/clusterkit"))
    step = Step("node1", f"make {path}/clusterkit", make, "+")
    assert missing == Change(f"make {path}/clusterkit", (step,)) == task.plan(None)
    assert look(task) == Change(f"{path} is writable")


@pytest.mark.parametrize(
    ("stderr", "why"), [("", ""), ("stale file handle\n", " (stale file handle)")]
)
def test_storage_that_cannot_be_written_to_is_an_error(stderr, why):
    task = SharedFolder("node1", "/shared")

    with pytest.raises(ClusterkitError) as caught:
        task.plan(Result("node1", task.probe(), 1, stderr=stderr))

    assert str(caught.value) == (
        f"node1: the shared storage /shared is not writable{why}. "
        "Fix: correct `storage` in the inventory, or its owner"
    )


def test_a_node_that_does_not_see_what_the_head_made_shares_no_storage(tmp_path):
    task = SharedFolder("node2", str(tmp_path), "node1")

    with pytest.raises(ClusterkitError) as caught:
        look(task)

    assert str(caught.value) == (
        f"node2: {tmp_path}/clusterkit is not here, though node1 made it: the storage is not "
        "shared. Fix: give every node the same `storage`"
    )
    assert task.plan(None) == Change("<known after storage>")


def test_users_of_several_nodes_write_to_the_proof_and_not_beside_the_models(tmp_path):
    task = SharedFolder("node1", str(tmp_path), several_users=True)
    before = SharedFolder("node1", str(tmp_path))
    apply(look(before))  # as it was while all nodes had one user

    missing = look(task)
    apply(missing)

    folder = tmp_path / "clusterkit"
    summary = f"make {folder}, in which all users of the nodes may write to .proof"
    assert (missing.summary, missing.steps[0].sign) == (summary, "~")
    assert look(task) == Change(f"{tmp_path} is writable")
    modes = {path.name: oct(path.stat().st_mode & 0o7777) for path in (folder, folder / ".proof")}
    assert modes == {"clusterkit": "0o755", ".proof": "0o1777"}
    other = SharedFolder("node2", str(tmp_path), "node1", several_users=True)
    assert look(other) == Change(f"{tmp_path} is writable")

from __future__ import annotations

import pytest

from clusterkit.command import Command, Result, Step
from clusterkit.errors import ClusterkitError
from clusterkit.tasks import storage
from clusterkit.tasks.base import Change
from clusterkit.tasks.storage import SharedFolder
from tests.unit.tasks.shell import apply, look


def test_the_folder_is_made_once(tmp_path):
    path = str(tmp_path / "it's shared")
    task = SharedFolder("node1", path)

    missing = look(task)
    apply(missing)

    make = Command(("sh", "-c", storage._MAKE, "sh", f"{path}/clusterkit", ""))
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

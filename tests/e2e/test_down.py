"""`down` leaves nothing, with state or without, once or twice; what is the user's own stays."""

from __future__ import annotations

import shutil

from tests.e2e.pair import NOTHING, Pair


def test_down_leaves_nothing_and_the_second_finds_nothing(described: Pair):
    described.up()
    there = described.left()

    done = described("down", "--yes")
    again = described("down", "--inventory", described.file, "--yes", "-o", "json")

    name = described.name
    assert there["containers"] == [f"{name}-node1", f"{name}-node2"]
    assert there["networks"] == [f"clusterkit-{name}"]
    assert there["volumes"] == [f"clusterkit-{name}-storage"]
    assert f"clusters/{name}/keys/operator" in there["files"]
    assert done.returncode == 0
    assert done.stdout.startswith(f"Cluster {name} is down: 4 changes in ")
    assert done.stdout.endswith(" s.\nNothing is left.\n")
    assert described.left() == NOTHING
    assert again.returncode == 0
    assert '"changes": 0' in again.stdout


def test_down_without_state_finds_everything_by_its_label(described: Pair):
    described.up()
    shutil.rmtree(described.controller.home)

    unknown = described("down", "--yes")
    done = described.answer("down", "--inventory", described.file, "--yes")

    assert (unknown.returncode, unknown.stderr) == (
        2,
        "Error: no cluster is current.\n"
        "Fix: bring one up with `clusterkit up INVENTORY` (see `clusterkit init`)\n",
    )
    assert (done["changes"], done["left"]) == (4, [])
    assert described.left() == NOTHING


def test_a_folder_of_the_user_stays_and_is_named(described: Pair):
    storage = described.folder / "shared"
    described.describe(storage={"kind": "bind", "source": str(storage), "path": "/shared"})
    described.up()
    described.inside("node2", "sh", "-c", "echo mine >/shared/mine")

    done = described("down", "--yes")

    ours = storage / "clusterkit"
    assert (storage / "mine").read_text() == "mine\n"
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == [
        f"= localhost: {ours} (0 B) stays: models of the storage, for the next cluster.",
        f"  To remove it: rm -r {ours}",
        "Nothing else is left.",
    ]
    assert described.left() == NOTHING


def test_down_asks_and_without_a_terminal_it_stops(described: Pair):
    described.up()

    done = described("down")

    assert done.returncode == 2
    assert done.stderr.endswith(
        "Error: there is no terminal to ask on.\nFix: add `--yes`, if this is as wanted\n"
    )
    assert described.planned() == []

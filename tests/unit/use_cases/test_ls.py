from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from clusterkit.command import HOST, Result
from clusterkit.model.load import load_inventory
from clusterkit.results.ls import ListedCluster
from clusterkit.state import clusters
from clusterkit.transports.world import World
from clusterkit.use_cases.ls import cluster_state, ls
from tests.unit.pair import pair

LOCAL = "cluster: {}\nprovider: local\nnodes:\n  localhost: {{slots: 2}}\n"


@pytest.fixture
def remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("CLUSTERKIT_HOME", str(tmp_path / "home"))

    def remember(name):
        file = tmp_path / f"{name}.yaml"
        file.write_text(LOCAL.format(name))
        return clusters.remember(name, file, load_inventory(file).model_dump(mode="json"))

    return remember


def test_without_clusters_there_is_nothing_to_list(remembered):
    assert ls().clusters == ()


def test_every_cluster_is_looked_at(remembered):
    up, down = remembered("here"), remembered("there")
    hostfile = Path(up.folder, "node", "hostfile")
    hostfile.parent.mkdir()
    hostfile.write_text("localhost slots=2\n")

    listed = ListedCluster(
        name="here",
        provider="local",
        nodes=1,
        head="localhost",
        state="up",
        where=str(up.file),
        current=False,
        up_since=up.applied_at,
    )
    changes = {"name": "there", "state": "down", "where": str(down.file), "up_since": None}
    assert ls().clusters == (
        listed,
        listed.model_copy(update=changes | {"current": True}),
    )


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"file": "x", "inventory": {"nodes": 7}, "applied_at": "then"}'],
    ids=["half", "other", "wrong"],
)
def test_a_cluster_whose_state_cannot_be_read_hides_no_other(remembered, text):
    broken, fine = remembered("broken"), remembered("fine")
    (broken.folder / "applied.json").write_text(text)

    rows = ls().clusters

    assert [(row.name, row.state) for row in rows] == [("broken", "unknown"), ("fine", "down")]
    assert "Fix: " in rows[0].head
    assert rows[1].where == str(fine.file)


@pytest.mark.parametrize(
    ("running", "state"),
    [
        ([], "down"),
        (["pair-node1"], "partly"),
        (["pair-node1", "pair-node9"], "partly"),
        (["pair-node1", "pair-node2", "pair-node9"], "up"),
    ],
)
def test_a_cluster_is_up_when_each_of_its_nodes_is(running, state):
    rows = [{"name": name, "state": "running"} for name in running]
    engine = SimpleNamespace(look=lambda _: Result(HOST, (), 0, json.dumps({"containers": rows})))

    assert cluster_state(pair(), World({}, lambda: engine)) == state

from __future__ import annotations

import re

import pytest

from clusterkit.errors import FileMistakes, UsageError
from clusterkit.model.describe_options import InitOptions
from clusterkit.model.load import load_inventory
from clusterkit.results.init import InitResult
from clusterkit.use_cases.init import inventory_text, write_inventory
from tests.unit.report.streams import shown


@pytest.mark.parametrize(
    ("given", "provider", "names"),
    [
        ({}, "local", ["localhost"]),
        ({"provider": "docker"}, "docker", ["node1", "node2"]),
        (
            {"provider": "docker", "nodes": 3, "slots": 1, "cluster": "lab"},
            "docker",
            ["node1", "node2", "node3"],
        ),
    ],
)
def test_what_is_written_is_an_inventory(tmp_path, given, provider, names):
    file = tmp_path / "first.yaml"
    text = inventory_text(InitOptions(**given))

    result = write_inventory(file, text, force=False)

    assert result == InitResult(
        path=str(file), cluster="lab", provider=provider, next=f"clusterkit up {file}"
    )
    assert file.read_text() == text
    inventory = load_inventory(file)
    cluster = inventory.resolve(base=tmp_path, local_home=tmp_path, local_storage=tmp_path)
    assert [node.name for node in cluster.nodes] == names
    assert [path.name for path in tmp_path.iterdir()] == ["first.yaml"]


def test_an_inventory_of_machines_names_them(tmp_path):
    text = inventory_text(InitOptions(provider="ssh", cluster="rack", hosts=("a.example", "b")))

    result = write_inventory(tmp_path / "x.yaml", text, force=False)

    assert (result.cluster, result.provider, result.edit) == ("rack", "ssh", "network.subnet")
    assert shown(result, width=None) == (
        f"Wrote {tmp_path}/x.yaml: cluster rack, provider ssh.\n"
        f"Next: correct `network.subnet` there, then clusterkit up {tmp_path}/x.yaml\n"
    )
    assert "node1: {host: a.example}" in text


def test_an_inventory_of_machines_needs_machines():
    with pytest.raises(UsageError) as caught:
        inventory_text(InitOptions(provider="ssh"))

    assert str(caught.value) == "no machines. Fix: name them with `--host`, once for each"


def test_a_file_that_exists_is_not_written_over_unasked(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("mine")
    text = inventory_text(InitOptions())

    with pytest.raises(UsageError) as caught:
        write_inventory(file, text, force=False)

    assert str(caught.value) == f"{file} exists. Fix: choose another file, or add `--force`"
    assert file.read_text() == "mine"
    write_inventory(file, text, force=True)
    assert file.read_text() == text


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(UsageError) as caught:
        write_inventory(tmp_path / "no" / "x.yaml", inventory_text(InitOptions()), force=False)

    assert str(caught.value) == (
        f"{tmp_path}/no is no folder. Fix: make it first, or choose another file"
    )


def test_a_folder_is_never_written_over(tmp_path):
    folder = tmp_path / "inventory.yaml"
    folder.mkdir()

    with pytest.raises(UsageError) as caught:
        write_inventory(folder, inventory_text(InitOptions()), force=True)

    assert str(caught.value) == (
        f"{folder} cannot be written: Is a directory. Fix: choose another file"
    )


def test_what_would_be_wrong_is_not_written(tmp_path):
    file = tmp_path / "x.yaml"
    text = inventory_text(InitOptions()).replace("slots: 2", "slots: 0")

    with pytest.raises(FileMistakes) as caught:
        write_inventory(file, text, force=False)

    (problem,) = caught.value.problems
    assert re.fullmatch(rf"{file}:\d+: nodes\.localhost\.slots: .*\. Fix: .*", problem)
    assert list(tmp_path.iterdir()) == []

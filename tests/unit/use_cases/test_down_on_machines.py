"""What `down` says that it leaves on machines; the look at it runs for real."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from clusterkit.command import Command, Result
from clusterkit.errors import TransportError
from clusterkit.model.cluster import Storage
from clusterkit.model.machine import Machine
from clusterkit.results.plan import Kept
from clusterkit.use_cases.down import _kept
from tests.unit.providers.machines import lab, machine
from tests.unit.tasks.shell import run

WHY = "models of the storage, for the next cluster"


@dataclass
class Head:
    """A world whose head is this machine, unless it is gone."""

    is_gone: bool = False

    def machine(self, node: str) -> Head:
        assert node == "gpu01"
        return self

    def run(self, command: Command) -> Result:
        if self.is_gone:
            raise TransportError("gpu01", "no route to host")
        return run(command)


def test_models_that_stay_are_told_with_where_and_how_to_remove_them(tmp_path: Path):
    folder = tmp_path / "a b/clusterkit"
    folder.mkdir(parents=True)
    (folder / "model").write_bytes(bytes(100 << 10))
    cluster = lab(storage=Storage("bind", str(folder.parent)))

    (kept,) = _kept(cluster, Head())

    remove = f"ssh gpu01 rm -r '{folder}'"
    assert replace_size(kept) == Kept(
        node="gpu01", what=str(folder), why=WHY, size_bytes=None, remove_with=remove
    )
    assert 100 << 10 <= (kept.size_bytes or 0) <= 120 << 10


def replace_size(kept: Kept) -> Kept:
    return kept.model_copy(update={"size_bytes": None})


@pytest.mark.parametrize("is_gone", [True, False])
def test_nothing_is_told_where_nothing_is_or_nobody_can_be_asked(tmp_path: Path, is_gone: bool):
    cluster = lab(storage=Storage("bind", str(tmp_path)))
    if is_gone:
        (tmp_path / "clusterkit").mkdir()

    assert _kept(cluster, Head(is_gone)) == ()


def test_copies_of_each_machine_go_and_are_not_told(tmp_path: Path):
    (tmp_path / "clusterkit").mkdir()

    assert _kept(lab(storage=Storage("sync", str(tmp_path))), Head()) == ()


def test_the_login_of_the_inventory_is_used(tmp_path: Path):
    (tmp_path / "clusterkit").mkdir()
    there = Machine("gpu01.lan", user="ada", port=2022, jump="gate")
    nodes = (replace(machine(1), machine=there), machine(2))

    (kept,) = _kept(lab(nodes=nodes, storage=Storage("bind", str(tmp_path))), Head())

    login = "ssh -l ada -p 2022 -J gate gpu01.lan"
    assert kept.remove_with == f"{login} rm -r {tmp_path}/clusterkit"

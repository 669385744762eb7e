from __future__ import annotations

import pytest

from clusterkit.command import Command, Put, Step
from clusterkit.errors import CommandFailed
from clusterkit.tasks.base import Change
from clusterkit.tasks.files import Files
from tests.unit.tasks.shell import apply, look, names, run

ODD_NAMES = ["plain", "two  spaces ", "-n", "it's", '"$(touch x)"', "ünï", "a*b", "x y/deep er"]


def test_one_look_finds_every_difference(tmp_path):
    def at(name):
        return str(tmp_path / name)

    (tmp_path / "same").write_bytes(b"same")
    (tmp_path / "same").chmod(0o600)
    (tmp_path / "other").write_bytes(b"old")
    (tmp_path / "mode").write_bytes(b"mode")
    (tmp_path / "mode").chmod(0o644)
    (tmp_path / "old").write_bytes(b"")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    same, new, other, mode = (
        Put(at(name), name.encode(), 0o600) for name in ("same", "new", "other", "mode")
    )
    absent = (at("old"), at("never"), at("dangling"))
    task = Files("node1", (same, new, other, mode), absent)

    change = look(task)

    assert change == Change(
        "4 files as they should be",
        (
            Step("node1", f"create {at('new')}", new, "+"),
            Step("node1", f"rewrite {at('other')}", other, "~"),
            Step("node1", f"change mode of {at('mode')}: 644 to 600", mode, "~"),
            Step("node1", f"remove {at('old')}", Command(("rm", "-f", "--", at("old"))), "-"),
            Step(
                "node1",
                f"remove {at('dangling')}",
                Command(("rm", "-f", "--", at("dangling"))),
                "-",
            ),
        ),
    )
    apply(change)
    assert look(task) == Change("4 files as they should be")
    assert names(tmp_path) == ["mode", "new", "other", "same"]


def test_names_are_data_whatever_they_hold(tmp_path):
    files = tuple(Put(str(tmp_path / name), name.encode()) for name in ODD_NAMES)
    task = Files("node1", files)

    apply(look(task))

    assert look(task) == Change(f"{len(ODD_NAMES)} files as they should be")
    look_away = Files("node1", (), absent=tuple(file.path for file in files))
    apply(look(look_away))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_from_nothing_all_files_are_created():
    file = Put("/a", b"")

    assert Files("node1", (file,), absent=("/b",)).plan(None) == Change(
        "1 file as they should be", (Step("node1", "create /a", file, "+"),)
    )


def test_a_look_that_failed_is_no_empty_node():
    task = Files("node1", (Put("/a", b""),))

    with pytest.raises(CommandFailed):
        task.plan(run(Command(("sh", "-c", "exit 127"))))

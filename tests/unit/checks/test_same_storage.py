"""The proof is run for real: every node is a shell, and storage that differs another folder."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from clusterkit.checks.same_storage import NotShared, StorageProof
from clusterkit.command import Command, Result

SAME = "give node2 the same mount as the others, or correct `storage` in the inventory"


def prove(folders: Mapping[str, Path], *, silent: str | None = None) -> tuple[NotShared, ...]:
    """Run all three rounds; each node has the folder that it is given at the path ``/shared``."""
    head, *others = folders
    proof = StorageProof("/shared", head, tuple(others), "0a1b")
    asked = [node for node in folders if node != silent]

    def run(node: str, command: Command) -> Result:
        there = str(folders[node])
        argv = [word.replace("/shared", there) for word in command.argv]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return Result(node, command, done.returncode, done.stdout, done.stderr)

    written = {node: run(node, proof.write(node)) for node in asked}
    read = {node: run(node, proof.read(node)) for node in asked}
    removed = [run(node, proof.remove(node)).ok for node in asked]
    assert all(removed)
    return proof.judge(written, read)


@pytest.mark.parametrize("is_up", [True, False])
def test_storage_that_is_the_same_passes_and_nothing_stays(tmp_path: Path, is_up: bool):
    if is_up:
        (tmp_path / "clusterkit").mkdir()

    found = prove({"node1": tmp_path, "node2": tmp_path, "node3": tmp_path})

    assert found == ()
    assert [str(path) for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_node_with_another_folder_is_named_and_no_other(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "ours").mkdir()
    ours = tmp_path / "ours"

    found = prove({"node1": ours, "node2": tmp_path / "mine", "node3": ours})

    why = "/shared is another than that of node1: it lacks what node1 wrote"
    assert found == (NotShared("node2", why, SAME),)


def test_an_earlier_proof_that_was_copied_is_no_proof(tmp_path: Path):
    ours, copy = tmp_path / "ours", tmp_path / "copy"
    ours.mkdir()
    old = StorageProof(str(ours), "node1", (), "01d0")
    subprocess.run(old.write("node1").argv, check=True)
    subprocess.run(["cp", "-r", str(ours), str(copy)], check=True)

    found = prove({"node1": ours, "node2": copy})

    assert [each.node for each in found] == ["node2"]


def test_a_node_without_the_storage_is_named_and_nothing_is_made_there(tmp_path: Path):
    (tmp_path / "ours").mkdir()
    nowhere = tmp_path / "nowhere"

    found = prove({"node1": tmp_path / "ours", "node2": nowhere})

    assert [each.node for each in found] == ["node2"]
    assert not nowhere.exists()


def test_a_node_that_cannot_write_says_why(tmp_path: Path):
    proof = StorageProof("/shared", "node1", ("node2",), "0a1b")
    file = ".clusterkit-proof-0a1b-"
    refused = f"sh: 1: cannot create {file}node2: Read-only file system"

    found = proof.judge(
        {
            "node1": Result("node1", proof.write("node1"), 0),
            "node2": Result("node2", proof.write("node2"), 2, "", refused),
        },
        {
            "node1": Result("node1", proof.read("node1"), 0, f"missing {file}node2\n"),
            "node2": Result("node2", proof.read("node2"), 0, f"seen {file}node1\n"),
        },
    )

    fix = "correct `storage` in the inventory, or the owner of that path"
    assert found == (NotShared("node2", f"cannot write to /shared: {refused}", fix),)


def test_a_node_that_was_not_reached_is_left_out(tmp_path: Path):
    found = prove({"node1": tmp_path, "node2": tmp_path, "node3": tmp_path}, silent="node3")

    assert found == ()


@pytest.mark.parametrize(
    ("forth", "back", "why"),
    [
        (False, True, "/shared is shared in one direction only: node2 lacks what node1 wrote"),
        (True, False, "/shared is shared in one direction only: node1 lacks what node2 wrote"),
    ],
)
def test_one_direction_alone_is_told(forth: bool, back: bool, why: str):
    proof = StorageProof("/shared", "node1", ("node2",), "0a1b")
    word = {True: "seen", False: "missing"}
    file = ".clusterkit-proof-0a1b-"

    def said(node: str, text: str = "") -> Result:
        return Result(node, proof.write(node), 0, text)

    found = proof.judge(
        {"node1": said("node1"), "node2": said("node2")},
        {
            "node1": said("node1", f"{word[back]} {file}node2\n"),
            "node2": said("node2", f"{word[forth]} {file}node1\n"),
        },
    )

    assert found == (NotShared("node2", why, SAME),)

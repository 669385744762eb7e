"""Promise 7: files of any size, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from clusterkit.command import Command, Put
from clusterkit.errors import ClusterkitError
from clusterkit.transports import shell
from tests.contract.conftest import Place

NAME = "it's a $(name) *\n ünï"


def listing(place: Place, folder: str | None = None) -> str:
    """Mode, size and name of all that lies there, one after the other."""
    find = ("find", folder or place.folder, "-mindepth", "1", "-printf", "%m %s %f|")
    return place.transport.run(Command(find)).check().stdout


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_put_writes_content_and_mode_and_makes_parents(place: Place, mode: int) -> None:
    folder = f"{place.folder}/a b/c"

    place.transport.put(Put(f"{folder}/{NAME}", b"old and longer", mode=0o640))
    place.transport.put(Put(f"{folder}/{NAME}", b"new\n\x00\xff", mode=mode))

    assert listing(place, folder) == f"{mode:o} 6 {NAME}|"
    read = place.transport.run(Command(("sha256sum",), stdin=b"new\n\x00\xff")).stdout.split()[0]
    there = place.transport.run(
        Command(("sh", "-c", 'sha256sum < "$1"', "sh", f"{folder}/{NAME}"))
    )
    assert there.stdout.split()[0] == read
    parents = place.transport.run(Command(("stat", "-c", "%a", f"{place.folder}/a b"))).stdout
    assert parents == "755\n"


def test_an_empty_file_is_a_file(place: Place) -> None:
    place.transport.put(Put(f"{place.folder}/x", b""))

    assert listing(place) == "644 0 x|"


def test_a_file_that_did_not_arrive_whole_leaves_nothing(place: Place) -> None:
    """What a node does when the connection ends early: cat sees the end of its input."""
    place.transport.put(Put(f"{place.folder}/x", b"old"))
    words = shell.script(shell.PUT, f"{place.folder}/x", "644", "100", "part")

    result = place.transport.run(Command(words, stdin=b"only this"))

    assert (result.exit_code, result.stderr) == (1, "only 9 of 100 bytes arrived\n")
    assert listing(place) == "644 3 x|"


def test_a_full_disk_is_an_error_and_leaves_nothing(place: Place) -> None:
    mount = ("mount", "-t", "tmpfs", "-o", "size=64k", "none", place.folder)
    if place.kind == "docker" or os.geteuid() != 0:
        pytest.skip("a small disk can be mounted by root, and not in a container")
    place.transport.run(Command(mount)).check()
    try:
        with pytest.raises(ClusterkitError) as raised:
            place.transport.put(Put(f"{place.folder}/x", b"x" * 1_000_000))

        assert str(raised.value) == (
            f"here: {place.folder}/x cannot be written: No space left on device. "
            "Fix: free some space on that disk"
        )
        assert listing(place) == ""
    finally:
        place.transport.run(Command(("umount", place.folder))).check()


def test_a_folder_in_the_way_is_an_error_and_leaves_nothing(place: Place) -> None:
    place.transport.run(Command(("mkdir", "-p", f"{place.folder}/x"))).check()

    with pytest.raises(ClusterkitError) as raised:
        place.transport.put(Put(f"{place.folder}/x", b"x"))

    assert f"here: {place.folder}/x cannot be written: " in str(raised.value)
    assert listing(place).count("|") == 1


def test_200_mb_go_there_and_come_back(place: Place, tmp_path: Path) -> None:
    block = os.urandom(1_000_000)
    source, back = tmp_path / "source", tmp_path / "folder" / "back"
    with source.open("wb") as content:
        for _ in range(200):
            content.write(block)

    place.transport.upload(source, f"{place.folder}/big", mode=0o600)
    place.transport.download(f"{place.folder}/big", back)

    assert _sha256(back) == _sha256(source)
    assert [file.name for file in back.parent.iterdir()] == ["back"]
    assert "600 200000000 big|" in listing(place)
    source.unlink()
    back.unlink()


def test_downloading_what_is_not_there_is_an_error(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "new" / "target"

    with pytest.raises(ClusterkitError) as raised:
        place.transport.download(f"{place.folder}/nothing", target)

    wanted = f"here: {place.folder}/nothing cannot be read: No such file or directory"
    assert str(raised.value) == f"{wanted}. Fix: check the path"
    assert list(target.parent.iterdir()) == []


def test_uploading_what_is_not_there_is_an_error(place: Place, tmp_path: Path) -> None:
    with pytest.raises(ClusterkitError) as raised:
        place.transport.upload(tmp_path / "nothing", f"{place.folder}/x")

    assert str(raised.value) == (
        f"{tmp_path}/nothing: cannot be read: No such file or directory. Fix: check the path"
    )
    assert listing(place) == ""


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()

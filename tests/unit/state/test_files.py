from __future__ import annotations

import resource
import signal
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from clusterkit.errors import ClusterkitError
from clusterkit.state.files import make_folder, write

FIX = (
    "Fix: look at who may write there and at the space that is left, "
    "or set CLUSTERKIT_HOME to another folder"
)


def test_a_file_and_its_folders_are_for_this_user_only(tmp_path):
    file = tmp_path / "a" / "b" / "c"

    write(file, b"one")
    write(file, b"two", mode=0o644)

    assert file.read_bytes() == b"two"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, *file.parents[:2])] == [
        0o644,
        0o700,
        0o700,
    ]
    assert [path.name for path in file.parent.iterdir()] == ["c"]


def test_a_folder_that_is_there_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o755)

    make_folder(tmp_path)

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_place_that_takes_no_folder_is_named(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(ClusterkitError) as caught:
        write(tmp_path / "file" / "current", b"pair")

    where = tmp_path / "file" / "current"
    assert str(caught.value) == f"{where} cannot be written: Not a directory. {FIX}"


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond ``size``; for a moment only, as pytest's own log may be a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    file = tmp_path / "kept"
    write(file, b"old")

    with full_disk(1000), pytest.raises(ClusterkitError) as caught:
        write(file, bytes(100_000))

    assert str(caught.value) == f"{file} cannot be written: File too large. {FIX}"
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_many_may_write_at_once_and_one_of_them_wins(tmp_path):
    file = tmp_path / "new" / "file"
    contents = [bytes([number]) * 10_000 for number in range(16)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: write(file, content), contents))

    assert file.read_bytes() in contents
    assert [path.name for path in file.parent.iterdir()] == ["file"]

"""A file of keys, and the one of them that is sent to a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.errors import UsageError
from clusterkit.state.key_file import first_key, read_key_file


def test_the_first_key_of_a_file_is_sent(tmp_path: Path):
    file = tmp_path / "keys"
    file.write_text("# of the lab\n\n  first-key \nsecond-key\n")
    file.chmod(0o600)
    assert (first_key(file), first_key(None)) == ("first-key", None)


def test_the_mark_that_windows_writes_before_a_text_is_no_part_of_a_key(tmp_path: Path):
    file = tmp_path / "keys"
    file.write_text("\ufefffirst-key\r\n", encoding="utf-8")
    file.chmod(0o600)
    assert read_key_file(file) == {1: "first-key"}


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (b"key", 0o644, ": others may read these keys. Fix: `chmod 600 {file}`"),
        (
            b"# none\n",
            0o600,
            ": there is no key in it. Fix: one a line, such as `openssl rand -hex 24` prints",
        ),
        ("# mine\nschlüssel".encode(), 0o600, ":2: a key is ASCII text. Fix: check the path"),
        (b"\xff", 0o600, ": cannot be read: it is no UTF-8 text. Fix: check the path"),
        (None, 0, ": cannot be read: No such file or directory. Fix: check the path"),
    ],
)
def test_a_file_without_a_key_that_can_be_sent_is_refused(
    tmp_path: Path, content: bytes | None, mode: int, why: str
):
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)
        file.chmod(mode)
    with pytest.raises(UsageError) as error:
        first_key(file)
    assert str(error.value) == f"{file}{why.format(file=file)}"

"""Keys of a server: what a file of them may be, and that only digests leave it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from clusterkit.errors import UsageError
from clusterkit.state.api_key import read_api_key
from clusterkit.use_cases.api_keys import read_keys

ONE, TWO = "0123456789abcdef", "fedcba9876543210-more"


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "keys.txt"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_each_line_is_a_key_but_comments(tmp_path: Path) -> None:
    file = written(tmp_path, f"# mine\n{ONE}\n\n  {TWO}  \n{ONE}\n")
    assert read_keys(file) == tuple(hashlib.sha256(key.encode()).hexdigest() for key in (ONE, TWO))


def test_the_mark_that_windows_writes_before_a_text_is_no_part_of_a_key(tmp_path: Path) -> None:
    file = written(tmp_path, f"\ufeff{ONE}\r\n")
    assert read_keys(file) == (hashlib.sha256(ONE.encode()).hexdigest(),)
    assert read_api_key(file) == ONE


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        (ONE, 0o640, "{file}: others may read these keys. Fix: `chmod 600 {file}`"),
        (
            "# none\n",
            0o600,
            "{file}: there is no key in it. "
            "Fix: one a line, such as `openssl rand -hex 24` prints",
        ),
        (
            f"short\n{ONE}\nwith a space in it, and long\n",
            0o600,
            "{file}:1: the key has 5 signs, and 16 are the fewest. Fix: a longer one, such as "
            "`openssl rand -hex 24` prints\n"
            "{file}:3: a key has letters, digits and signs of ASCII, and no space. "
            "Fix: one a line",
        ),
    ],
)
def test_what_is_no_file_of_keys(tmp_path: Path, text: str, mode: int, message: str) -> None:
    file = written(tmp_path, text, mode)
    with pytest.raises(UsageError) as caught:
        read_keys(file)
    assert str(caught.value) == message.format(file=file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_keys(tmp_path / "none")

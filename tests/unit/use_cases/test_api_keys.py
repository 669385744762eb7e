"""Keys of a server: what a file of them may be, and that only digests leave it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from clusterkit.errors import FileMistakes
from clusterkit.use_cases.api_keys import read_keys

ONE, TWO = "0123456789abcdef", "fedcba9876543210-more"


def written(folder: Path, text: str) -> Path:
    file = folder / "keys.txt"
    file.write_text(text)
    file.chmod(0o600)
    return file


def test_each_line_is_a_key_but_comments(tmp_path: Path) -> None:
    file = written(tmp_path, f"# mine\n{ONE}\n\n  {TWO}  \n{ONE}\n")
    assert read_keys(file) == tuple(hashlib.sha256(key.encode()).hexdigest() for key in (ONE, TWO))


def test_each_line_that_is_no_key_is_told_and_no_key_is(tmp_path: Path) -> None:
    file = written(tmp_path, f"short\n{ONE}\nwith a space in it, and long\n")
    with pytest.raises(FileMistakes) as caught:
        read_keys(file)
    assert str(caught.value) == (
        f"{file}:1: the key has 5 signs, and 16 are the fewest. Fix: a longer one, such as "
        "`openssl rand -hex 24` prints\n"
        f"{file}:3: a key has letters, digits and signs of ASCII, and no space. Fix: one a line"
    )

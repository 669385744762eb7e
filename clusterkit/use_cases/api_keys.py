"""The keys that a server asks for: read here, and only their digests travel."""

from __future__ import annotations

import hashlib
from pathlib import Path

from clusterkit.errors import FileMistakes
from clusterkit.state.key_file import read_key_file

_SHORTEST = 16


def read_keys(file: Path) -> tuple[str, ...]:
    """The sha256 of each key in a file.

    Raises:
        UsageError: If the file cannot be read, others can read it, or it has no key.
        FileMistakes: With every line that is no key.
    """
    keys = read_key_file(file)
    mistakes = [f"{file}:{number}: {why}" for number, key in keys.items() if (why := _wrong(key))]
    if mistakes:
        raise FileMistakes(mistakes)
    return tuple(dict.fromkeys(hashlib.sha256(key.encode()).hexdigest() for key in keys.values()))


def _wrong(key: str) -> str | None:
    """Why it is no key; the key itself is not told."""
    if not key.isascii() or not key.isprintable() or " " in key:
        return "a key has letters, digits and signs of ASCII, and no space. Fix: one a line"
    if len(key) < _SHORTEST:
        what = f"the key has {len(key)} signs, and {_SHORTEST} are the fewest"
        return f"{what}. Fix: a longer one, such as `openssl rand -hex 24` prints"
    return None

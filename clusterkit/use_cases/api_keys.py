"""The keys that a server asks for: read here, and only their digests travel."""

from __future__ import annotations

import hashlib
from pathlib import Path

from clusterkit.errors import FileMistakes, UsageError

_SHORTEST = 16
_SUCH_AS = "such as `openssl rand -hex 24` prints"


def read_keys(file: Path) -> tuple[str, ...]:
    """The sha256 of each key in a file: one a line, none in empty lines and behind ``#``.

    Raises:
        UsageError: If the file cannot be read, others can read it, or it has no key.
        FileMistakes: With every line that is no key.
    """
    try:
        mode = file.stat().st_mode
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageError(f"{file}: cannot be read: {why}. Fix: check the path") from error
    if mode & 0o077:
        raise UsageError(f"{file}: others may read these keys. Fix: `chmod 600 {file}`")
    keys = {number: line.strip() for number, line in enumerate(lines, 1)}
    keys = {number: key for number, key in keys.items() if key and not key.startswith("#")}
    if not keys:
        raise UsageError(f"{file}: there is no key in it. Fix: one a line, {_SUCH_AS}")
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
        return f"{what}. Fix: a longer one, {_SUCH_AS}"
    return None

"""The key of a server that somebody else keeps: read from a file, and sent to that server only."""

from __future__ import annotations

from pathlib import Path

from clusterkit.errors import UsageError


def read_api_key(file: Path | None) -> str | None:
    """The first key of a file: one a line, none in empty lines and behind ``#``; None: no file.

    Raises:
        UsageError: If it cannot be read, others can read it, or it has none.
    """
    if file is None:
        return None
    try:
        mode = file.stat().st_mode
        text = file.read_text(encoding="utf-8-sig").encode("ascii").decode("ascii")
        lines = [line.strip() for line in text.splitlines()]
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not ASCII text"
        raise UsageError(f"{file}: cannot be read: {why}. Fix: check the path") from None
    if mode & 0o077:
        raise UsageError(f"{file}: others may read this key. Fix: `chmod 600 {file}`")
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise UsageError(f"{file}: there is no key in it. Fix: write one a line")
    return keys[0]

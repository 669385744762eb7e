"""A file of API keys: one a line, none in empty lines and behind ``#``; read by its user alone."""

from __future__ import annotations

from pathlib import Path

from clusterkit.errors import UsageError


def read_key_file(file: Path) -> dict[int, str]:
    """The keys of a file, by the numbers of their lines; there is at least one.

    Raises:
        UsageError: If it cannot be read, others can read it, or it has none.
    """
    try:
        mode = file.stat().st_mode
        lines = file.read_text(encoding="utf-8-sig").splitlines()  # of Windows, too
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageError(f"{file}: cannot be read: {why}. Fix: check the path") from error
    if mode & 0o077:
        raise UsageError(f"{file}: others may read these keys. Fix: `chmod 600 {file}`")
    keys = {number: line.strip() for number, line in enumerate(lines, 1)}
    keys = {number: key for number, key in keys.items() if key and not key.startswith("#")}
    if not keys:
        fix = "one a line, such as `openssl rand -hex 24` prints"
        raise UsageError(f"{file}: there is no key in it. Fix: {fix}")
    return keys


def first_key(file: Path | None) -> str | None:
    """The key that is sent to a server; None: no file.

    Raises:
        UsageError: As :func:`read_key_file`, or if it cannot be sent in a header.
    """
    if file is None:
        return None
    number, key = next(iter(read_key_file(file).items()))
    if not key.isascii():
        raise UsageError(f"{file}:{number}: a key is ASCII text. Fix: check the path")
    return key

"""What was typed in chats, and the keys of servers: files of this user alone."""

from __future__ import annotations

from pathlib import Path

from clusterkit.errors import UsageError
from clusterkit.state.files import make_folder, saying_why_not
from clusterkit.state.folders import state_folder


def chat_history() -> Path:
    """The file of what was typed at the prompt of ``chat``, mode 600, made where it is not."""
    file = state_folder() / "chat" / "history"
    make_folder(file.parent)
    with saying_why_not(file):
        file.touch(mode=0o600)
        file.chmod(0o600)
    return file


def read_api_key(file: Path | None) -> str | None:
    """The first line of a file that has one; None: no file is given.

    Raises:
        UsageError: If it cannot be read, or has none.
    """
    if file is None:
        return None
    try:
        lines = file.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not ASCII text"
        raise UsageError(
            f"--api-key-file: {file} cannot be read: {why}. Fix: a file with the key, mode 600"
        ) from None
    if not lines:
        raise UsageError(f"--api-key-file: {file} is empty. Fix: write the key into it")
    return lines[0]

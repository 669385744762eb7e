"""What was typed in chats, for this user alone."""

from __future__ import annotations

from pathlib import Path

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

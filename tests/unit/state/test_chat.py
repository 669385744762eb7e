"""What is kept of chats."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.state.chat import chat_history


def test_history_is_for_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CLUSTERKIT_HOME", str(tmp_path / "state"))
    first = chat_history()
    first.write_text("+hello\n")
    first.chmod(0o644)

    again = chat_history()

    assert again == first == tmp_path / "state/chat/history"
    assert (again.stat().st_mode & 0o777, again.read_text()) == (0o600, "+hello\n")
    assert again.parent.stat().st_mode & 0o777 == 0o700

"""What is kept of chats, and the keys of servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.errors import UsageError
from clusterkit.state.api_key import read_api_key
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


def test_the_first_key_of_a_file_is_sent(tmp_path: Path):
    file = tmp_path / "keys"
    file.write_text("# of the lab\n\n  first-key \nsecond-key\n")
    file.chmod(0o600)
    assert (read_api_key(file), read_api_key(None)) == ("first-key", None)


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (b"key", 0o644, "others may read this key. Fix: `chmod 600 {file}`"),
        (b"# none\n", 0o600, "there is no key in it. Fix: write one a line"),
        ("schlüssel".encode(), 0o600, "cannot be read: it is not ASCII text. Fix: check the path"),
        (None, 0, "cannot be read: No such file or directory. Fix: check the path"),
    ],
)
def test_a_file_without_a_key_of_ones_own_is_refused(
    tmp_path: Path, content: bytes | None, mode: int, why: str
):
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)
        file.chmod(mode)
    with pytest.raises(UsageError) as error:
        read_api_key(file)
    assert str(error.value) == f"{file}: {why.format(file=file)}"

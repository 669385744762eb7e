"""What the tests of files share: a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Messages name the file as the user did, so that a relative name keeps them short."""
    monkeypatch.chdir(tmp_path)

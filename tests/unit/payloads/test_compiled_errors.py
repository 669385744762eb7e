"""What a compilation that failed is said to need."""

from __future__ import annotations

import errno
import os

import pytest

from clusterkit.payloads.compiled_errors import explained
from clusterkit.payloads.generate_events import Failed


def fill() -> None:
    try:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as full:
        raise RuntimeError("backend failed") from full


def test_a_full_disk_is_told_with_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/small")

    with pytest.raises(Failed) as caught, explained({"backend": "inductor"}):
        fill()

    assert str(caught.value) == (
        f"{os.uname().nodename}: no space is left to compile in /small. Fix: free some there, or "
        "name another folder in TORCHINDUCTOR_CACHE_DIR"
    )

"""Why a job cannot begin, in words."""

from __future__ import annotations

import errno
from pathlib import Path

from clusterkit.payloads.causes import refusal


def test_an_error_of_the_system_says_where() -> None:
    words = "No space left on device"
    assert refusal(OSError(errno.ENOSPC, words)) == f"{Path.cwd()}: {words}"
    assert refusal(OSError(errno.ENOSPC, words, "/a")) == f"/a: {words}"
    assert refusal(ValueError("it speaks version 2")) == "it speaks version 2"

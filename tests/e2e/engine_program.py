"""A building payload as a process: what it tells, what it leaves, and who belongs to it."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest


def ended(process: subprocess.Popen[str]) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and all events; its stdin stays open until then."""
    assert process.stdout is not None
    assert process.stderr is not None
    rows = [json.loads(line) for line in process.stdout]
    assert process.stderr.read() == ""
    return process.wait(60), rows


def until(process: subprocess.Popen[str], **event: Any) -> None:
    """Read events until there is this one."""
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line) == event:
            return
    pytest.fail(f"it ended before {event}")


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def programs(work: str) -> list[int]:
    """The processes that say that they belong to builds whose folders begin so."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"\0CLUSTERKIT_BUILD={work}".encode() in b"\0" + path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def gone(work: str) -> bool:
    deadline = time.monotonic() + 20
    while programs(work) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not programs(work)


def message_of(process: subprocess.Popen[str]) -> str:
    code, rows = ended(process)
    assert (code, rows[-1]["event"]) == (1, "error")
    message: str = rows[-1]["message"]
    return message

"""Stop a verb at one of its steps, which a file has a line for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 120
SAMPLE = 2


def lines_of(file: Path) -> list[bytes]:
    """Its lines; none where it does not exist."""
    try:
        return file.read_bytes().splitlines()
    except FileNotFoundError:
        return []


def steps_of(journal: Path, verb: str) -> int:
    """How many lines the last run of a verb has written."""
    rows = [json.loads(line) for line in lines_of(journal) if line.endswith(b"}")]
    runs = [row["run"] for row in rows if row.get("verb") == verb and row["what"] == "begin"]
    return sum(row["run"] == runs[-1] for row in rows) if runs else 0


def stop_when(process: subprocess.Popen[str], is_there: Callable[[], bool], how: int) -> int:
    """Signal it once something is there; its exit code."""
    give_up = time.monotonic() + PATIENCE_S
    while not is_there() and process.poll() is None:
        assert time.monotonic() < give_up
        time.sleep(0.001)
    if process.poll() is None:
        os.killpg(process.pid, how)
    process.communicate(timeout=PATIENCE_S)
    return process.returncode


def stop_at(process: subprocess.Popen[str], journal: Path, line: int, how: int) -> int:
    """Signal it once its journal has so many lines; its exit code."""
    return stop_when(process, lambda: len(lines_of(journal)) >= line, how)


def chosen(count: int, how: int) -> list[int]:
    """The lines at which to stop; not the same ones for every signal."""
    if os.environ.get("CLUSTERKIT_EVERY_STEP"):
        return list(range(1, count + 1))
    first = 2 + (how == signal.SIGINT)
    return list(range(first, count + 1, max(1, count // SAMPLE)))

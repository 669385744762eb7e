"""`init` at a terminal: it asks, and asks again."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

WITHIN_S = 30


def test_a_wrong_provider_is_refused_at_once_and_asked_again(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "clusterkit", "init"],
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        for question, answer in (
            ("ssh [local]: ", "dokcer"),
            ("Error: 'dokcer' is none of local, docker and ssh.", ""),
            ("ssh [local]: ", "docker"),
            ("Name of the cluster [lab]: ", "pair"),
            ("How many nodes [2]: ", "3"),
        ):
            read_until(ours, question)
            if answer:
                os.write(ours, f"{answer}\n".encode())
        read_until(ours, "Wrote inventory.yaml: cluster pair, provider docker.")
        assert process.wait(WITHIN_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert "node[1-3]" in (tmp_path / "inventory.yaml").read_text()


def read_until(terminal: int, wanted: str) -> None:
    """Read character by character, so that what follows is left for the next question."""
    seen, deadline = "", time.monotonic() + WITHIN_S
    while not seen.endswith(wanted):
        ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"no {wanted!r} in {seen!r}"
        seen += os.read(terminal, 1).decode()

"""`up` is killed, or interrupted by Ctrl-C, at its steps: it goes on, and `down` leaves nothing.

A sample of the steps; all of them where CLUSTERKIT_EVERY_STEP is set.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.controller import Controller
from tests.e2e.local_cluster import describe_local
from tests.e2e.pair import NOTHING, Pair

PATIENCE_S = 120
SAMPLE = 2


def lines_of(journal: Path) -> list[bytes]:
    try:
        return journal.read_bytes().splitlines()
    except FileNotFoundError:
        return []


def stop_at(process: subprocess.Popen[str], journal: Path, line: int, how: int) -> int:
    """Signal it once its journal has so many lines; its exit code."""
    give_up = time.monotonic() + PATIENCE_S
    while len(lines_of(journal)) < line and process.poll() is None:
        assert time.monotonic() < give_up
        time.sleep(0.001)
    if process.poll() is None:
        os.killpg(process.pid, how)
    process.communicate(timeout=PATIENCE_S)
    return process.returncode


def chosen(count: int, how: int) -> list[int]:
    """The lines of the journal at which to stop; not the same ones for every signal."""
    if os.environ.get("CLUSTERKIT_EVERY_STEP"):
        return list(range(1, count + 1))
    first = 2 + (how == signal.SIGINT)
    return list(range(first, count + 1, max(1, count // SAMPLE)))


def stopped_everywhere(
    clusterkit: Controller, file: Path, name: str, how: int
) -> list[dict[str, object]]:
    """Stop an `up` at each of its steps, go on with it, take it down; what differs is told."""
    journal = clusterkit.home / "clusters" / name / "journal.jsonl"
    whole = clusterkit("up", file, "--yes")
    assert whole.returncode == 0, whole.stderr
    count = len(lines_of(journal))
    assert clusterkit("down", "--yes").returncode == 0
    wrong = []
    for line in chosen(count, how):
        code = stop_at(clusterkit.start("up", file, "--yes"), journal, line, how)
        resumed = clusterkit("up", "--resume", "--yes", "-o", "json")
        again = clusterkit("up", file, "--yes", "-o", "json")
        down = clusterkit("down", "--yes")
        found = {
            "stopped": code in (0, 130, -how),
            "resumed": resumed.returncode,
            "tells": resumed.returncode == 0 and json.loads(resumed.stdout)["resumed"] is not None,
            "changes": again.returncode == 0 and json.loads(again.stdout)["changes"],
            "down": down.returncode,
            "left": journal.parent.exists(),
        }
        right = {
            "stopped": True,
            "resumed": 0,
            "tells": True,
            "changes": 0,
            "down": 0,
            "left": False,
        }
        if found != right:
            wrong.append({"line": line, "errors": resumed.stderr[-500:]} | found)
    return wrong


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_of_two_containers(described: Pair, how: int):
    wrong = stopped_everywhere(described.controller, described.file, described.name, how)

    assert wrong == []
    assert described.left() == NOTHING


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_of_this_machine(clusterkit: Controller, cluster_name: str, tmp_path: Path, how: int):
    file = describe_local(tmp_path, cluster_name)

    assert stopped_everywhere(clusterkit, file, cluster_name, how) == []


def test_what_was_done_before_is_told(described: Pair):
    journal = described.controller.home / "clusters" / described.name / "journal.jsonl"
    process = described.controller.start("up", described.file, "--yes")
    stop_at(process, journal, 4, signal.SIGKILL)
    with journal.open("ab") as file:
        file.write(b'{"at": "2026-')  # as a full disk tears it

    resumed = described("up", "--resume", "--yes", "-o", "json")

    before = json.loads(resumed.stdout)["resumed"]
    assert before["outcome"] == "killed"
    assert before["applied"][0]["summary"].startswith("create network")
    assert "Note: going on with the `up` of" in resumed.stderr
    assert f"`{before['applied'][-1]['summary']}` on" in resumed.stderr


def test_without_an_up_there_is_nothing_to_go_on_with(clusterkit: Controller):
    done = clusterkit("up", "--resume", "--yes")
    both = clusterkit("up", "some.yaml", "--resume", "--yes")
    none = clusterkit("up", "--yes")

    assert (done.returncode, done.stderr) == (
        2,
        "Error: there is no `up` to go on with.\nFix: `clusterkit up INVENTORY`\n",
    )
    assert (both.returncode, none.returncode) == (2, 2)

"""`up` and `down` are killed, or interrupted by Ctrl-C, at their steps: the next one goes on.

A sample of the steps; all of them where CLUSTERKIT_EVERY_STEP is set.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.e2e.controller import Controller
from tests.e2e.local_cluster import describe_local
from tests.e2e.pair import NOTHING, Pair
from tests.e2e.stopping import chosen, lines_of, steps_of, stop_at, stop_when


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


def down_stopped_everywhere(
    clusterkit: Controller, file: Path, name: str, how: int
) -> list[dict[str, object]]:
    """Stop a `down` at each of its steps, and take it down again; what differs is told."""
    journal = clusterkit.home / "clusters" / name / "journal.jsonl"
    seen = [0]
    assert clusterkit("up", file, "--yes").returncode == 0
    whole = clusterkit.start("down", "--yes")
    stop_when(whole, lambda: seen.append(steps_of(journal, "down")) or False, how)
    wrong = []
    for line in chosen(max(seen), how):
        assert clusterkit("up", file, "--yes").returncode == 0
        process = clusterkit.start("down", "--yes")
        code = stop_when(process, lambda line=line: steps_of(journal, "down") >= line, how)
        again = clusterkit("down", "--yes") if journal.parent.exists() else None
        found = {
            "stopped": code in (0, 130, -how),
            "again": 0 if again is None else again.returncode,
            "left": journal.parent.exists(),
        }
        if found != {"stopped": True, "again": 0, "left": False}:
            wrong.append({"line": line, "code": code, "errors": again and again.stderr} | found)
    return wrong


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_down_of_two_containers(described: Pair, how: int):
    wrong = down_stopped_everywhere(described.controller, described.file, described.name, how)

    assert wrong == []
    assert described.left() == NOTHING


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_down_of_this_machine(clusterkit: Controller, cluster_name: str, tmp_path: Path, how: int):
    file = describe_local(tmp_path, cluster_name)

    assert down_stopped_everywhere(clusterkit, file, cluster_name, how) == []


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

"""A plan in a file: what it says is applied, and nothing where something has changed since."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.controller import Controller
from tests.e2e.local_cluster import describe_local
from tests.e2e.pair import Pair

AGAIN = "Fix: look at it anew with `clusterkit plan INVENTORY --out FILE`\n"
SECRET = "canary-7f3a"  # noqa: S105 - looked for where it must not be


@pytest.fixture
def file(tmp_path: Path, cluster_name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory of this machine; Docker is out of reach."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    return describe_local(tmp_path, cluster_name)


def keys(steps: list[dict[str, object]]) -> set[tuple[object, ...]]:
    return {(step["node"], step["stage"], step["sign"], step["summary"]) for step in steps}


def test_a_pair_of_containers_is_made_by_its_plan_and_by_nothing_else(
    described: Pair, tmp_path: Path
):
    described.describe(
        container={"image": described.image, "env": {"API_TOKEN": SECRET, "X": SECRET}}
    )
    out = tmp_path / "plan.json"
    planned = described("plan", described.file, "--out", out, "-o", "json")
    up = described("up", "--from-plan", out, "-o", "json")
    stale = described("up", "--from-plan", out)
    described("plan", described.file, "--out", out)
    again = described("up", "--from-plan", out, "-o", "json")

    assert (planned.returncode, up.returncode, again.returncode) == (0, 0, 0), up.stderr
    kept = json.loads(out.read_text())
    assert (kept["format"], kept["inventory"]) == (1, str(described.file))
    assert keys(json.loads(planned.stdout)["steps"]) <= keys(json.loads(up.stdout)["steps"])
    assert json.loads(again.stdout)["changes"] == 0
    assert stale.returncode == 6
    assert f"cluster {described.name} has changed since the plan was made" in stale.stderr
    assert "\n  - localhost: machines: + create network" in stale.stderr
    assert stale.stderr.endswith(AGAIN)
    assert SECRET not in out.read_text()
    journal = described.controller.home / "clusters" / described.name / "journal.jsonl"
    assert SECRET not in journal.read_text()


def test_a_cluster_that_changed_is_not_touched(clusterkit, file, cluster_name, tmp_path):
    assert clusterkit("up", file, "--yes").returncode == 0
    hostfile = clusterkit.home / "clusters" / cluster_name / "node" / "hostfile"
    right = hostfile.read_text()
    hostfile.write_text("localhost slots=9\n")
    out = tmp_path / "plan.json"
    clusterkit("plan", file, "--out", out)
    hostfile.write_text(right)

    done = clusterkit("up", "--from-plan", out)

    assert done.returncode == 6
    assert done.stderr == (
        f"Error: cluster {cluster_name} has changed since the plan was made (- then, + now):\n"
        f"  - localhost: nodes: ~ rewrite {hostfile}\n"
        "  + localhost: nodes: = 1 file as they should be\n"
        f"{AGAIN}"
    )


def test_another_inventory_or_version_is_refused(clusterkit, file, tmp_path):
    out = tmp_path / "plan.json"
    assert clusterkit("plan", file, "--out", out).returncode == 0
    text = out.read_text()
    out.write_text(json.dumps(json.loads(text) | {"clusterkit": "0.0.7"}))
    version = clusterkit("up", "--from-plan", out)
    out.write_text(text)
    file.write_text(file.read_text() + "\n")
    inventory = clusterkit("up", "--from-plan", out)

    assert (version.returncode, inventory.returncode) == (6, 6)
    assert version.stderr.startswith("Error: the plan was made by clusterkit 0.0.7, and this is ")
    assert inventory.stderr == f"Error: {file} has changed since the plan was made.\n{AGAIN}"
    assert not (clusterkit.home / "clusters").exists()


@pytest.mark.parametrize("damage", [None, b"", b"{", b"\xff\x00", b"{}", b'{"format": 2}'])
def test_what_is_no_plan_is_refused(clusterkit: Controller, tmp_path: Path, damage):
    out = tmp_path / "plan.json"
    if damage is not None:
        out.write_bytes(damage)

    done = clusterkit("up", "--from-plan", out)

    why = (
        f"{out} is no plan that this version wrote"
        if damage is not None
        else (f"{out} cannot be read: No such file or directory")
    )
    assert (done.returncode, done.stderr) == (2, f"Error: {why}.\n{AGAIN}")


def test_an_inventory_is_not_written_over(clusterkit: Controller, file: Path):
    before = file.read_bytes()

    done = clusterkit("plan", file, "--out", file)

    assert (done.returncode, file.read_bytes()) == (2, before)
    assert f"Error: {file} is there already, and is no plan" in done.stderr

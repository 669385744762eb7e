"""A spare in the place of a node that dies, or cannot be brought up, over three containers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, free_subnet, new_cluster_name
from tests.e2e.model import CACHE
from tests.e2e.pair import Pair
from tests.e2e.running_job import within
from tests.e2e.test_run_ends import LEFT

SETS = {"nodes": {"node[1-2]": {"slots": 1}}, "spares": {"node3": {"slots": 2}}}
GO = "/var/tmp/go"  # noqa: S108 - in a container of this test
FRANCE = "What is the capital of France?"
PARIS = "The capital of France is Paris."
WAITS = """\
import os, sys, time

print("rank", os.environ["RANK"], "of", os.environ["WORLD_SIZE"], flush=True)
until = time.monotonic() + 60
while not os.path.exists(sys.argv[1]) and time.monotonic() < until:
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def whole(
    docker_host: docker.DockerClient, node_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Two nodes with one slot each and a larger spare, described."""
    name = new_cluster_name()
    controller = Controller(tmp_path_factory.mktemp("home"), docker_host, {name})
    with free_subnet(docker_host) as subnet:
        folder = tmp_path_factory.mktemp("spares")
        try:
            yield Pair(name, subnet, node_image, folder, controller, docker_host)
        finally:
            controller.close()


@pytest.fixture
def squad(whole: Pair) -> Pair:
    """The same, up and healthy at the beginning of each test."""
    describe(whole)
    whole.up()
    return whole


def describe(squad: Pair, **parts: Any) -> None:
    storage = {"kind": "bind", "source": str(CACHE / "storage"), "path": "/shared"}
    squad.describe(**{**SETS, "storage": storage, "engine": {"pp": 2}, **parts})


def test_a_run_that_loses_a_node_is_tried_again_with_the_spare(
    squad: Pair, tmp_path: Path
) -> None:
    script = tmp_path / "waits.py"
    script.write_text(WAITS)
    running = squad.controller.start("run", "--retries", 1, "-o", "json", script, GO)
    first = job_that_runs(squad)

    squad.container("node2").kill()
    second = job_that_runs(squad, besides=first)
    for node in ("node1", "node3"):
        squad.inside(node, "touch", GO)
    out, err = running.communicate(timeout=60)

    assert running.returncode == 0, err
    result = json.loads(out)
    told = [(rank["node"], rank["stdout"]) for rank in result["ranks"]]
    assert told == [("node1", "rank 0 of 2\n"), ("node3", "rank 1 of 2\n")]
    assert (result["job"], result["attempts"]) == (second, 2)
    (replaced,) = result["replaced"]
    assert (replaced["node"], replaced["by"]) == ("node2", "node3")
    why = "its container exited with 137 (SIGKILL)"
    assert why in replaced["why"]
    note = f"Note: node2 was lost ({replaced['why']}); node3 takes its place; attempt 2 of 2\n"
    assert note in err
    rows = squad.answer("jobs")["jobs"]
    assert [(row["id"], row["state"]) for row in rows[:2]] == [(second, "done"), (first, "lost")]
    assert (rows[1]["cause"]["kind"], rows[1]["cause"]["node"]) == ("node-lost", "node2")
    assert left(squad) == []


def test_an_answer_comes_whole_and_once_though_a_node_dies(squad: Pair) -> None:
    assert squad("build").returncode == 0
    running = squad.controller.start("infer", "--retries", 1, "--prompt", FRANCE)
    first = job_that_runs(squad)

    squad.container("node2").kill()
    out, err = running.communicate(timeout=120)

    assert (running.returncode, out) == (0, f"{PARIS}\n"), err
    assert "node3 takes its place; attempt 2 of 2\n" in err
    assert "2 ranks (node1 cpu, node3 cpu)" in err
    states = {row["id"]: row["state"] for row in squad.answer("jobs")["jobs"]}
    assert states[first] == "lost"
    assert left(squad) == []

    squad.container("node3").kill()
    nobody = squad("infer", "--retries", 1, "--prompt", FRANCE)

    assert (nobody.returncode, nobody.stdout) == (3, "")
    said = nobody.stderr
    assert said.startswith("Error: 2 nodes failed, others succeeded\n  node2: ")
    assert "\n  node3: no spare for node2: " in said
    assert said.endswith("add `spares:` to the inventory, and run `clusterkit up INVENTORY`\n")
    assert "`--retries" not in squad("infer", "--prompt", FRANCE).stderr


def test_without_retries_a_spare_is_offered_and_a_failing_script_is_not_tried_again(
    squad: Pair, tmp_path: Path
) -> None:
    script = tmp_path / "fails.py"
    script.write_text("raise SystemExit(3)")

    failed = squad("run", "--retries", 2, script)
    squad.container("node2").kill()
    lost = squad("run", script)

    assert failed.returncode == 1
    assert "attempt" not in failed.stderr
    assert "exited with 3" in failed.stderr
    assert lost.returncode == 1
    assert lost.stderr.endswith("; or `--retries 1` lets node3 take the place of node2\n")


def test_the_head_has_no_stand_in(squad: Pair) -> None:
    squad.container("node1").kill()

    done = squad("infer", "--retries", 1, "--prompt", FRANCE)

    assert done.returncode == 3, done.stderr
    assert "node1 is the head, and no spare can take its place" in done.stderr
    assert "node3 takes its place" not in done.stderr


def test_up_has_the_spare_stand_in_until_the_node_is_mended(squad: Pair) -> None:
    broken = {"node1": {"slots": 1}, "node2": {"slots": 1, "python": "/no/python"}}
    describe(squad, nodes=broken)

    done = squad("up", squad.file, "--yes")

    assert done.returncode == 0, done.stderr
    assert "! node3 has the place of node2: no Python found: looked for /no/python" in done.stdout
    ranks = squad.answer("mpi-hello")["ranks"]
    assert [(rank["node"], rank["ok"]) for rank in ranks] == [("node1", True), ("node3", True)]
    (listed,) = squad.answer("ls")["clusters"]
    assert (listed["state"], listed["replaced"][0]["by"]) == ("up", "node3")
    places = {row["name"]: row for row in squad.answer("status")["nodes"]}
    assert (places["node3"]["stands_for"], places["node3"]["slots"]) == ("node2", 1)
    assert places["node2"]["standing"] == "out"
    asked = json.loads(squad("exec", "-o", "json", "@all", "--", "true").stdout)["nodes"]
    assert [each["node"] for each in asked] == ["node1", "node3"]

    describe(squad)
    mended = squad.up()

    assert (mended["nodes"], mended["spares"]) == (["node1", "node2"], ["node3"])
    assert (mended["replaced"], squad.planned()) == ([], [])


def test_up_without_a_spare_left_tells_every_reason_and_takes_nothing_for_done(
    squad: Pair,
) -> None:
    broken = {"slots": 1, "python": "/no/python"}
    describe(squad, nodes={"node1": {"slots": 1}, "node2": broken}, spares={"node3": broken})

    done = squad("up", squad.file, "--yes")

    assert done.returncode == 3, done.stderr
    assert "\n  node2: no Python found: looked for /no/python." in done.stderr
    assert "\n  node3: no spare for node2: no Python found" in done.stderr


def job_that_runs(squad: Pair, besides: str | None = None) -> str:
    """The job of which every rank runs, once there is one."""

    def look() -> str | None:
        done = squad("jobs", "-o", "json")
        rows = json.loads(done.stdout)["jobs"] if done.returncode == 0 else []
        running = [row["id"] for row in rows if row["state"] == "running"]
        return next((job for job in running if job != besides), None)

    return str(within(60, look))


def left(squad: Pair) -> list[str]:
    """Processes of any job, on the nodes that are there."""
    return [
        f"{node}: {line}"
        for node in ("node1", "node3")
        for line in squad.inside(node, "sh", "-c", LEFT).splitlines()
    ]

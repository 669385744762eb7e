"""A lab is made, broken in every way, healed, and taken away; no other cluster is ever broken."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.e2e.pair import Pair
from tests.faults.room import Room, room


@pytest.fixture(scope="module")
def lab(
    docker_host: docker.DockerClient, lab_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Room]:
    with room(docker_host, tmp_path_factory.mktemp("lab"), lab_image) as made:
        yield made


def words(lab: Room, *what: str) -> list[str]:
    """The faults that one action says are there."""
    done = lab.controller("lab", *what, "-o", "json")
    assert done.returncode == 0, done.stderr
    return [each["words"] for each in json.loads(done.stdout)["faults"]]


def test_it_is_a_cluster_like_any_other(lab: Room):
    hello = json.loads(lab.controller("mpi-hello", "-o", "json").stdout)
    listed = json.loads(lab.controller("lab", "ls", "-o", "json").stdout)["labs"]

    assert (hello["ok"], len(hello["ranks"])) == (True, 3)
    assert [(row["name"], row["state"]) for row in listed] == [(lab.name, "up")]
    assert lab.controller("plan", lab.file, "--exit-code").returncode == 0
    assert Path(listed[0]["where"]) == lab.file


def test_every_fault_inside_is_seen_and_healed(lab: Room):
    made = [
        ("partition", "node1", "node3"),
        ("partition", "node2", "node1", "--one-way"),
        ("slow", "node2", "50mbit"),
        ("fill-disk", "node1"),
        ("fill-disk", "storage"),
        ("skew-clock", "node2", "+2m"),
        ("drop-ssh", "node3"),
    ]
    for fault in made:
        assert " ".join(fault) in words(lab, "fault", *fault)
    assert sorted(words(lab, "faults")) == sorted(" ".join(fault) for fault in made)
    try:
        address = lab.session.cluster.node("node3").address
        scan = ["ssh-keyscan", "-T", "1", str(address)]
        assert b"ssh-" not in lab.container("node2").exec_run(scan, stderr=False)[1]
        jobs = f"/var/lib/clusterkit/{lab.name}/jobs"
        free = lab.inside("node1", "df", "--output=avail", "/shared", jobs).split()[1:]
        assert free == ["0", "0"]
        there = int(lab.controller("exec", "node2", "--", "date", "+%s").stdout.split()[-1])
        assert 110 < there - time.time() < 130
    finally:
        assert words(lab, "heal", "node2") == [
            "fill-disk node1",
            "fill-disk storage",
            "partition node1 node3",
            "drop-ssh node3",
        ]
        assert words(lab, "heal") == []
    assert lab.controller("mpi-hello").returncode == 0


def test_every_fault_of_a_container_is_seen_and_healed(lab: Room):
    assert words(lab, "fault", "cut", "node2") == ["cut node2"]
    assert words(lab, "fault", "pause", "node3") == ["cut node2", "pause node3"]
    assert "kill-node node1" in words(lab, "fault", "kill-node", "node1")
    assert words(lab, "heal", "node[1-2]") == ["pause node3"]
    assert words(lab, "heal") == []
    assert lab.controller("plan", lab.file, "--exit-code").returncode == 0
    assert lab.controller("mpi-hello").returncode == 0


def test_a_rank_hangs_goes_on_and_is_killed(lab: Room):
    verb = lab.start("run", "--", "tests/faults/rank_waits.py")
    assert verb.until(lambda text: text.count("waits") == 3, 60), verb.text
    assert words(lab, "fault", "hang-rank", "1") == ["hang-rank 1"]
    assert words(lab, "heal") == []
    assert words(lab, "fault", "kill-rank", "1") == []
    assert verb.end(30) == 1
    assert "rank 1 on node2 was ended by SIGKILL" in verb.text


def test_a_rank_that_does_not_run_cannot_be_killed(lab: Room):
    done = lab.controller("lab", "fault", "kill-rank", "7")

    assert (done.returncode, done.stderr.partition("Error: ")[2]) == (
        2,
        f"no rank 7 runs on cluster {lab.name}.\n"
        "Fix: see `clusterkit jobs`; start one with `clusterkit infer`\n",
    )


def test_a_dry_run_makes_no_fault(lab: Room):
    done = lab.controller("lab", "fault", "kill-node", "node2", "--dry-run")

    assert done.stdout == (
        f"# fault: kill container {lab.name}-node2\n"
        f"node2  docker: kill container {lab.name}-node2\n"
    )
    assert lab.container("node2").status == "running"


@pytest.mark.parametrize("action", [("fault", "kill-node", "node2"), ("heal",), ("down",)])
def test_a_cluster_that_is_no_lab_is_left_alone(pair: Pair, action: tuple[str, ...]):
    done = pair("lab", *action)

    assert done.returncode == 2
    assert re.search(f"cluster {pair.name} is no lab: faults are made only in", done.stderr)
    assert pair.container("node2").status == "running"


def test_a_file_that_calls_a_cluster_a_lab_does_not_make_it_one(pair: Pair, tmp_path: Path):
    file = tmp_path / "lab.yaml"
    file.write_text(json.dumps(json.loads(pair.file.read_text()) | {"lab": {}}))

    done = pair("lab", "fault", "kill-node", "node2", "--inventory", file)

    assert done.returncode == 1
    assert f"container {pair.name}-node2 was not made by `lab up`" in done.stderr
    assert pair.container("node2").status == "running"


def test_down_takes_away_what_is_broken(docker_host, lab_image, tmp_path):
    with room(docker_host, tmp_path, lab_image, nodes=2) as made:
        made.fault("pause", "node1")
        made.fault("cut", "node2")
        done = made.controller("lab", "down", "-o", "json")

        assert (done.returncode, json.loads(done.stdout)["down"]["left"]) == (0, [])
        assert made.look().lines == frozenset()
        assert list(made.controller.home.rglob("lab.yaml")) == []

"""A spare machine in the place of one that is gone: it gets the model before it gets a rank.

The tests are one life of the cluster, in order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, Done, new_cluster_name
from tests.e2e.machines import Machines, Spec, machines

FRANCE = ("--prompt", "What is the capital of France?")
PARIS = "The capital of France is Paris.\n"


@dataclass
class Lab:
    """Two machines and a spare that share no disk."""

    room: Machines
    controller: Controller
    name: str
    file: Path

    def __call__(self, *words: object) -> Done:
        return self.controller(*words, timeout_s=300)

    def answer(self, *words: object) -> dict[str, Any]:
        """The JSON of one command line that must succeed."""
        done = self(*words, "-o", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def has_model(self, machine: str) -> bool:
        """Whether something lies where models do."""
        folder = f"/var/tmp/clusterkit-{self.name}/clusterkit/models"  # noqa: S108
        words = ("sh", "-c", 'ls -A "$0" 2>/dev/null; true', folder)
        return self.room[machine].inside(*words) != ""


@pytest.fixture(scope="module")
def lab(
    docker_host: docker.DockerClient, model_machine: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    folder, name = tmp_path_factory.mktemp("lab"), new_cluster_name()
    specs = [Spec(f"gpu0{number}") for number in (1, 2, 3)]
    with machines(docker_host, model_machine, folder / "person", *specs) as room:
        file = room.describe(
            folder / "lab.yaml",
            name,
            nodes={"gpu0[1-2]": {"slots": 1}},
            spares={"gpu03": {"slots": 1}},
            storage={"kind": "sync"},
            engine={"pp": 2},
        )
        lab = Lab(room, room.controller(folder / "state", name), name, file)
        try:
            yield lab
        finally:
            lab.controller.close()


def test_the_spare_is_up_and_asked_nothing(lab: Lab):
    up = lab.answer("up", lab.file, "--yes")
    second = lab.answer("up", lab.file, "--yes")
    done = lab("infer", *FRANCE)

    assert (up["nodes"], up["spares"], up["slots"]) == (["gpu01", "gpu02"], ["gpu03"], 2)
    assert second["changes"] == 0
    assert (done.returncode, done.stdout) == (0, PARIS), done.stderr
    assert [lab.has_model(name) for name in ("gpu01", "gpu02", "gpu03")] == [True, True, False]


def test_the_model_is_copied_to_the_spare_that_takes_a_place(lab: Lab):
    lab.room["gpu02"].container.kill()

    done = lab("infer", "--retries", 1, *FRANCE)

    assert (done.returncode, done.stdout) == (0, PARIS), done.stderr
    assert "Note: gpu02 was lost (" in done.stderr
    assert "gpu03 takes its place; attempt 2 of 2\n" in done.stderr
    assert "2 ranks (gpu01 cpu, gpu03 cpu)" in done.stderr
    assert lab.has_model("gpu03")


def test_up_goes_on_without_a_machine_that_does_not_answer(lab: Lab):
    planned = lab("plan", lab.file)
    up = lab.answer("up", lab.file, "--yes")

    assert planned.returncode == 0, planned.stderr
    assert "gpu02: it cannot be brought up: " in planned.stderr
    assert (up["nodes"], up["slots"]) == (["gpu01", "gpu03"], 2)
    assert [(each["node"], each["by"]) for each in up["replaced"]] == [("gpu02", "gpu03")]
    assert lab("infer", *FRANCE).stdout == PARIS
    (listed,) = lab.answer("ls")["clusters"]
    assert listed["state"] == "up"


def test_a_machine_that_is_mended_has_its_place_again_and_down_leaves_nothing(lab: Lab):
    lab.room["gpu02"].container.start()
    lab.room["gpu02"].wait_for_log("Server listening", times=2)

    up = lab.answer("up", lab.file, "--yes")
    hello = lab.answer("mpi-hello")
    down = lab.answer("down", "--yes")

    assert (up["nodes"], up["replaced"]) == (["gpu01", "gpu02"], [])
    assert [rank["node"] for rank in hello["ranks"]] == ["gpu01", "gpu02"]
    assert down["left"] == []
    for name in ("gpu01", "gpu02", "gpu03"):
        assert not lab.has_model(name)
        words = ("sh", "-c", 'ls -A "$0" 2>/dev/null; true', "/home/ubuntu/.clusterkit")
        assert lab.room[name].inside(*words) == ""

"""One container on each machine, through the machine's own engine: a life, in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, Done, new_cluster_name
from tests.e2e.inner_engine import OPTIONS, load_image, start_engine, stop_engine
from tests.e2e.machines import Machines, Spec, machines

NODES = ("gpu01", "gpu02")


@dataclass
class Lab:
    room: Machines
    controller: Controller
    name: str
    file: Path
    image: str

    def __call__(self, *words: object) -> Done:
        return self.controller(*words)

    def answer(self, *words: object) -> dict[str, Any]:
        """The JSON of one command line that must succeed."""
        done = self(*words, "-o", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def describe(self, *, without: tuple[str, ...]) -> None:
        container = {"image": self.image}
        parts = self.room.inventory(
            self.name, without=without, runtime="docker", container=container
        )
        self.file.write_text(json.dumps(parts))

    def left(self) -> dict[str, list[str]]:
        """What is on the engines of the machines."""
        script = "docker ps -aq; docker volume ls -q; docker network ls -q -f type=custom"
        return {name: self.room[name].inside("sh", "-c", script).split() for name in NODES}


@pytest.fixture(scope="module")
def lab(
    docker_host: docker.DockerClient,
    mpi_machine: str,
    mpi_image: str,
    docker_machine: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    folder, name = tmp_path_factory.mktemp("lab"), new_cluster_name()
    specs = [
        Spec("gpu01", image=docker_machine, options=OPTIONS),
        Spec("gpu02", port=2022, image=docker_machine, options=OPTIONS),
        Spec("bare", user="ada"),
    ]
    with machines(docker_host, mpi_machine, folder / "person", *specs) as room:
        for node in NODES:
            start_engine(room[node])
            load_image(room[node], mpi_image)
        controller = room.controller(folder / "state", name)
        lab = Lab(room, controller, name, folder / "lab.yaml", mpi_image)
        try:
            yield lab
        finally:
            controller.close()


def test_a_machine_without_docker_is_named_and_nothing_is_left(lab: Lab):
    lab.describe(without=())
    done = lab("up", lab.file, "--yes")

    assert (done.returncode, "Error: " + done.stderr.partition("Error: ")[2]) == (
        4,
        "Error: 1 node failed\n  bare: there is no Docker on this machine.\n"
        "Fix: install it; `clusterkit doctor` prints the lines for this distribution\n",
    )
    assert lab.left() == {"gpu01": [], "gpu02": []}


def test_up_and_the_second_up_changes_nothing(lab: Lab):
    lab.describe(without=("bare",))
    first, second = (lab.answer("up", lab.file, "--yes") for _ in range(2))

    assert (first["nodes"], first["slots"], first["changes"] > 0) == (list(NODES), 4, True)
    assert (second["changes"], second["steps"]) == (0, [])


def test_every_slot_has_a_rank_in_the_container_of_its_machine(lab: Lab):
    hello = lab.answer("mpi-hello")

    rows = [(rank["node"], rank["local_rank"]) for rank in hello["ranks"]]
    assert rows == [("gpu01", 0), ("gpu01", 1), ("gpu02", 0), ("gpu02", 1)]
    assert (hello["ok"], hello["problems"]) == (True, [])


def test_commands_run_in_the_containers(lab: Lab):
    done = lab("exec", "@all", "--", "sh", "-c", "id -un; test -e /.dockerenv && ls /home")

    assert (done.returncode, done.stdout) == (0, "--- gpu[01-02] (2)\nroot\n"), done.stderr


def test_status_shows_both(lab: Lab):
    states = {node["name"]: node["state"] for node in lab.answer("status")["nodes"]}

    assert states == {"gpu01": "up", "gpu02": "up"}


def test_an_engine_that_was_restarted_is_noticed_and_mended(lab: Lab):
    stop_engine(lab.room["gpu02"])
    stopped = lab("status", "-o", "json")
    start_engine(lab.room["gpu02"])
    mended = lab.answer("up", lab.file, "--yes")

    states = {node["name"]: node["state"] for node in json.loads(stopped.stdout)["nodes"]}
    assert states["gpu01"] == "up"
    assert states["gpu02"] != "up"
    assert {step["node"] for step in mended["steps"]} == {"gpu02"}
    assert lab.answer("mpi-hello")["ok"] is True


def test_down_leaves_nothing_on_the_machines(lab: Lab):
    keys = {node: lab.room[node].authorized_keys() for node in NODES}
    done = lab("down", "--yes")

    assert done.returncode == 0, done.stderr
    assert lab.left() == {"gpu01": [], "gpu02": []}
    for node in NODES:
        machine = lab.room[node]
        assert machine.authorized_keys() == keys[node]
        assert ".clusterkit" not in machine.inside("ls", "-A", f"/home/{machine.user}")
        assert machine.inside("sh", "-c", "ls -A /tmp") == ""
        assert len(machine.inside("docker", "image", "ls", "-q").split()) == 1

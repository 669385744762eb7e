"""A container on each machine and no shared disk: copies lie in a volume of each machine's engine.

The tests are one life of the cluster, in order: up, copies, a machine that leaves, down.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, new_cluster_name
from tests.e2e.hollow_model import hollow_model
from tests.e2e.inner_engine import OPTIONS, load_image, start_engine
from tests.e2e.machines import Machine, Machines, Spec, machines

NODES = ("gpu01", "gpu02", "gpu03")


@dataclass
class Lab:
    """The room, and the cluster in it."""

    room: Machines
    controller: Controller
    name: str
    file: Path
    image: str

    def answer(self, *words: object) -> dict[str, Any]:
        """The JSON of one command line that must succeed."""
        done = self.controller(*words, "-o", "json", timeout_s=180)
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def describe(self, *nodes: str, **parts: Any) -> None:
        """An inventory of some of the machines; copies are what they have by default."""
        inventory = self.room.inventory(
            self.name,
            runtime="docker",
            container={"image": self.image, "shm_size": "64m"},
            nodes={name: {"slots": 1} for name in nodes},
            **parts,
        )
        if "storage" not in parts:
            del inventory["storage"]
        self.file.write_text(json.dumps(inventory))

    def left(self, machine: Machine) -> list[str]:
        """Containers and volumes of the machine's engine."""
        boxes = machine.inside("docker", "ps", "--all", "--format", "{{.Names}}")
        return [*boxes.split(), *machine.inside("docker", "volume", "ls", "-q").split()]


@pytest.fixture(scope="module")
def lab(
    docker_host: docker.DockerClient,
    mpi_image: str,
    docker_machine: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    folder, name = tmp_path_factory.mktemp("lab"), new_cluster_name()
    specs = [Spec(each, options=OPTIONS) for each in NODES]
    with machines(docker_host, docker_machine, folder / "person", *specs) as room:
        for each in NODES:
            start_engine(room[each])
            load_image(room[each], mpi_image)
        controller = room.controller(folder / "state", name)
        try:
            yield Lab(room, controller, name, folder / "lab.yaml", mpi_image)
        finally:
            controller.close()


def test_every_container_gets_a_copy_in_a_volume_of_its_machine(lab: Lab, tmp_path: Path):
    model = hollow_model(tmp_path / "small", size_mib=1)
    lab.describe(*NODES)
    lab.answer("up", lab.file, "--yes")
    again = lab.answer("up", lab.file, "--yes")
    first = lab.answer("build", "--model", model)
    second = lab.answer("build", "--model", model)

    assert (again["changes"], again["steps"]) == (0, [])
    assert (first["copied_to"], second["copied_to"]) == (["gpu02", "gpu03"], [])
    for name in NODES:
        wanted = [f"{lab.name}-{name}", f"clusterkit-{lab.name}-storage"]
        assert lab.left(lab.room[name]) == wanted
    assert lab.answer("mpi-hello")["ok"] is True


def test_a_machine_that_leaves_keeps_neither_container_nor_volume(lab: Lab):
    lab.describe("gpu01", "gpu02")
    up = lab.answer("up", lab.file, "--yes")
    again = lab.answer("up", lab.file, "--yes")

    assert (up["left"], again["changes"]) == ([], 0)
    assert lab.left(lab.room["gpu03"]) == []


def test_another_head_has_a_key_of_its_own_in_containers_too(lab: Lab):
    lab.describe("gpu02", "gpu03")
    lab.answer("up", lab.file, "--yes")
    again = lab.answer("up", lab.file, "--yes")

    assert again["changes"] == 0
    assert lab.left(lab.room["gpu01"]) == []
    assert lab.answer("mpi-hello")["ok"] is True


def test_below_a_path_of_the_users_own_the_copies_are_the_machines(lab: Lab, tmp_path: Path):
    model = hollow_model(tmp_path / "small", size_mib=1)
    for name in ("gpu02", "gpu03"):
        lab.room[name].inside("sh", "-c", "mkdir /disk && touch /disk/thesis")
    lab.describe("gpu02", "gpu03", storage={"kind": "sync", "path": "/disk"})
    lab.answer("up", lab.file, "--yes")
    built = lab.answer("build", "--model", model)
    during = lab.room["gpu03"].inside("ls", built["folder"]).split()
    lab.answer("down", "--yes")

    assert during == ["config.json", "manifest.json", "model.safetensors"]
    for name in NODES:
        assert lab.left(lab.room[name]) == [], name
    for name in ("gpu02", "gpu03"):
        assert lab.room[name].inside("ls", "-A", "/disk") == "thesis\n"

"""Machines can be examined before clusterkit has ever been there, and nothing stays on them."""

from __future__ import annotations

import json
from pathlib import Path

import docker

from tests.e2e.controller import new_cluster_name
from tests.e2e.machines import SHARED, Spec, machines


def test_machines_are_examined_before_up_and_left_as_they_were(
    docker_host: docker.DockerClient, mpi_machine: str, tmp_path: Path
):
    name = new_cluster_name()
    specs = (Spec("gpu01"), Spec("gpu02", user="ada", port=2222, shares_disk=False))
    with machines(docker_host, mpi_machine, tmp_path / "person", *specs) as room:
        controller = room.controller(tmp_path / "home", name)
        file = room.describe(tmp_path / "lab.yaml", name)
        try:
            done = controller("doctor", "--inventory", file, "--gate", "-o", "json")
        finally:
            controller.close()
        left = [
            machine.inside("find", SHARED, f"/home/{machine.user}", "-path", "*clusterkit*")
            for machine in room.all.values()
        ]

    seen = [
        (line["check"], line["state"], line["nodes"]) for line in json.loads(done.stdout)["lines"]
    ]
    assert done.returncode == 1
    assert [line for line in seen if line[1] == "fail"] == [("storage", "fail", ["gpu02"])]
    assert [line for line in seen if line[0] in ("pairs", "clock", "mpi-version", "ring")] == [
        ("pairs", "pass", ["gpu01", "gpu02"]),
        ("mpi-version", "pass", ["gpu01", "gpu02"]),
        ("clock", "pass", ["gpu01", "gpu02"]),
        ("ring", "skip", ["gpu01", "gpu02"]),
    ]
    assert left == ["", ""]


def test_what_docker_lacks_on_machines_is_told_as_lines_to_run(
    docker_host: docker.DockerClient, mpi_machine: str, docker_machine: str, tmp_path: Path
):
    name = new_cluster_name()
    # gpu01 has Docker, and its engine was not started; gpu02 has none
    specs = (Spec("gpu01", image=docker_machine), Spec("gpu02"))
    container = {"image": "clusterkit/node-mpi:dev"}
    with machines(docker_host, mpi_machine, tmp_path / "person", *specs) as room:
        controller = room.controller(tmp_path / "home", name)
        parts = room.inventory(name, runtime="docker", container=container)
        del parts["python"]
        file = tmp_path / "lab.yaml"
        file.write_text(json.dumps(parts))
        try:
            done = controller("doctor", "--inventory", file)
            answer = controller("doctor", "--inventory", file, "-o", "json")
        finally:
            controller.close()

    lines = {
        tuple(line["nodes"]): line
        for line in json.loads(answer.stdout)["lines"]
        if line["check"] == "docker-engine"
    }
    assert {nodes: (line["state"], line["seen"][:24]) for nodes, line in lines.items()} == {
        ("gpu01",): ("fail", "the engine does not answ"),
        ("gpu02",): ("fail", "Docker is not installed"),
    }
    assert lines["gpu01",]["fix"] == "sudo systemctl enable --now docker"
    fix = lines["gpu02",]["fix"].splitlines()
    assert "https://download.docker.com/linux/debian/gpg" in fix[2]
    assert [f"     {line}" for line in fix] == [
        line for line in done.stdout.splitlines() if line.strip() in fix
    ]

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

"""Nodes that are containers on machines of their own: the doctor sees both."""

from __future__ import annotations

import json
from pathlib import Path

import docker

from tests.e2e.controller import new_cluster_name
from tests.e2e.inner_engine import OPTIONS, load_image, start_engine
from tests.e2e.machines import Spec, machines


def test_containers_on_machines_are_examined_with_their_machines(
    docker_host: docker.DockerClient,
    mpi_machine: str,
    mpi_image: str,
    docker_machine: str,
    tmp_path: Path,
):
    name = new_cluster_name()
    specs = [Spec(each, image=docker_machine, options=OPTIONS) for each in ("gpu01", "gpu02")]
    with machines(docker_host, mpi_machine, tmp_path / "person", *specs) as room:
        for machine in room.all.values():
            start_engine(machine)
            load_image(machine, mpi_image)
        controller = room.controller(tmp_path / "home", name)
        parts = room.inventory(name, runtime="docker", container={"image": mpi_image})
        del parts["python"]
        file = tmp_path / "lab.yaml"
        file.write_text(json.dumps(parts))
        try:
            up = controller("up", file, "--yes")
            assert up.returncode == 0, up.stderr
            done = controller("doctor", "--gate", "-o", "json")
        finally:
            controller.close()

    assert done.returncode == 0, done.stdout
    lines = json.loads(done.stdout)["lines"]
    passed = {
        (line["check"], node)
        for line in lines
        if line["state"] == "pass"
        for node in line["nodes"]
    }
    looked_at = ("docker-engine", "image", "interface", "pairs", "storage", "ring")
    assert passed >= {(check, node) for check in looked_at for node in ("gpu01", "gpu02")}
    assert passed >= {("logins", "gpu02")}
    assert [line["seen"] for line in lines if line["check"] == "image"] == [
        str(docker_host.images.get(mpi_image).id)[:19]
    ]

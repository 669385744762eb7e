"""`up` proves that machines which it did not make are one cluster, and names the others."""

from __future__ import annotations

from pathlib import Path

import docker

from tests.e2e.controller import new_cluster_name
from tests.e2e.machines import SHARED, Spec, machines


def test_storage_that_only_looks_shared_is_refused_and_nothing_is_left(
    docker_host: docker.DockerClient, mpi_machine: str, tmp_path: Path
):
    name = new_cluster_name()
    specs = (Spec("gpu01"), Spec("gpu02", shares_disk=False))
    with machines(docker_host, mpi_machine, tmp_path / "person", *specs) as room:
        gpu02 = room["gpu02"]
        # as another cluster left it there: the same path, and another file system
        gpu02.inside("mkdir", "-m", "1777", f"{SHARED}/clusterkit")
        controller = room.controller(tmp_path / "home", name)
        try:
            up = controller("up", room.describe(tmp_path / "lab.yaml", name), "--yes")
        finally:
            controller.close()
        left = gpu02.inside("find", SHARED, "/home/ubuntu", "-path", "*clusterkit*", "-type", "f")

    why = (
        f"gpu02: shared storage: {SHARED} is another than that of gpu01: it lacks what gpu01 "
        "wrote.\nFix: give gpu02 the same mount as the others, or correct `storage` in the "
        "inventory"
    )
    assert up.returncode == 1, up.stderr
    assert why in up.stderr
    assert left == ""

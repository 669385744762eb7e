"""Machines have an engine of their own, which shares nothing with any other engine."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from tests.e2e.inner_engine import OPTIONS, load_image, start_engine, stop_engine
from tests.e2e.machines import Machine, Machines, Spec, machines


@pytest.fixture(scope="module")
def room(
    docker_host: docker.DockerClient,
    mpi_machine: str,
    docker_machine: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machines]:
    specs = (Spec("gpu01", image=docker_machine, options=OPTIONS), Spec("gpu02"))
    with machines(docker_host, mpi_machine, tmp_path_factory.mktemp("person"), *specs) as room:
        start_engine(room["gpu01"])
        yield room


def ids(machine: Machine) -> list[str]:
    return machine.inside("docker", "image", "ls", "-q", "--no-trunc").split()


def test_a_container_on_a_machine_sees_the_machines_network_or_its_own(
    room: Machines, mpi_image: str, docker_host: docker.DockerClient
):
    gpu01 = room["gpu01"]
    assert ids(gpu01) == []
    load_image(gpu01, mpi_image)
    assert ids(gpu01) == [docker_host.images.get(mpi_image).id]

    run = "docker run --rm --network"
    show = f"{mpi_image} sh -c 'hostname; hostname -I'"
    on_host, on_bridge = (
        room.person.ssh("gpu01", f"{run} {network} {show}").stdout
        for network in ("host", "bridge")
    )

    assert on_host == gpu01.inside("sh", "-c", "hostname; hostname -I")
    assert (f" {gpu01.address} " in on_host, "\n172.17.0.2 " in on_bridge) == (True, True)


def test_an_engine_is_started_again_and_still_has_its_images(room: Machines, mpi_image: str):
    gpu01 = room["gpu01"]
    load_image(gpu01, mpi_image)
    before = ids(gpu01)
    stop_engine(gpu01)
    down = room.person.ssh("gpu01", "docker ps")
    start_engine(gpu01)

    assert (down.returncode, "Is the docker daemon running?" in down.stderr) == (1, True)
    assert ids(gpu01) == before


def test_a_machine_without_an_engine_has_no_docker(room: Machines):
    assert room.person.ssh("gpu02", "docker ps").returncode == 127

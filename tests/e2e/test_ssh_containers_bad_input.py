"""Machines on which no container can be made: each is named with its reason and a fix."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.e2e.container_lab import Lab, inner
from tests.e2e.controller import new_cluster_name
from tests.e2e.inner_engine import OPTIONS, load_image, start_engine, stop_engine
from tests.e2e.machines import Machines, Spec, machines

NO_DOCKER = (
    "gpu03: there is no Docker on this machine.\n"
    "Fix: install it; `clusterkit doctor` prints the lines for this distribution\n"
)
LISTEN = """
import socket
with socket.create_server(("0.0.0.0", 2222)) as server:
    server.accept()
"""
LISTENS = "00000000:08AE 00000000:0000 0A"  # port 2222, as the kernel lists it


@pytest.fixture(scope="module")
def room(
    docker_host: docker.DockerClient,
    mpi_image: str,
    mpi_machine: str,
    docker_machine: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machines]:
    specs = (
        Spec("gpu01", image=docker_machine, options=OPTIONS),
        Spec("gpu02", user="ada", image=docker_machine, options=OPTIONS),  # not in group docker
        Spec("gpu03"),
    )
    with machines(docker_host, mpi_machine, tmp_path_factory.mktemp("person"), *specs) as room:
        for name in ("gpu01", "gpu02"):
            start_engine(room[name])
        load_image(room["gpu01"], mpi_image)
        yield room


@pytest.fixture
def lab(room: Machines, mpi_image: str, tmp_path: Path) -> Iterator[Lab]:
    name = new_cluster_name()
    controller = room.controller(tmp_path / "state", name)
    lab = Lab(room, controller, name, tmp_path / "lab.yaml", mpi_image)
    lab.describe()
    try:
        yield lab
    finally:
        controller.close()
        boxes = inner(room["gpu01"], "ps", "--all", "--quiet").split()
        if boxes:
            inner(room["gpu01"], "rm", "--force", *boxes)
    assert boxes == []
    for machine in room.all.values():
        assert ".clusterkit" not in machine.inside("ls", "-A", f"/home/{machine.user}")


def alone(lab: Lab) -> None:
    """Describe the first machine only."""
    lab.describe(nodes={"gpu01": {"slots": 2}})


def test_every_machine_that_cannot_carry_one_is_told_with_its_own_reason(lab: Lab):
    code, said = lab.error("up", lab.file, "--yes")

    assert code == 4
    first, denied, fix, *missing = said.splitlines(keepends=True)
    assert first == "Error: 2 nodes failed\n"
    assert denied.startswith("  gpu02: Docker on this machine does not let the user in: ")
    assert fix == '    Fix: `sudo usermod -aG docker "$USER"` there, and run it again\n'
    assert "".join(missing) == f"  {NO_DOCKER}".replace("Fix:", "    Fix:")


def test_plan_says_the_same_and_what_succeeded(lab: Lab):
    code, said = lab.error("plan", lab.file)

    assert (code, said.splitlines()[0]) == (3, "Error: 2 nodes failed, others succeeded")


def test_an_engine_that_is_stopped(lab: Lab):
    alone(lab)
    stop_engine(lab.room["gpu01"])
    try:
        code, said = lab.error("up", lab.file, "--yes")
    finally:
        start_engine(lab.room["gpu01"])

    assert code == 4
    assert said.startswith("Error: gpu01: Docker on this machine does not answer: Cannot connect")
    assert said.endswith(".\nFix: start it there (`sudo systemctl start docker`)\n")


def test_a_machine_without_docker_alone(lab: Lab):
    lab.describe(nodes={"gpu03": {"slots": 2}})

    assert lab.error("up", lab.file, "--yes") == (4, f"Error: {NO_DOCKER}")


def test_a_foreign_container_of_the_same_name_is_never_touched(lab: Lab):
    alone(lab)
    gpu01, name = lab.room["gpu01"], lab.box("gpu01")
    foreign = inner(gpu01, "run", "--detach", "--name", name, lab.image, "sleep", "600")
    try:
        refused = lab.error("up", lab.file, "--yes")
        down = lab("down", "--inventory", lab.file, "--yes")
        left = inner(gpu01, "ps", "--no-trunc", "--quiet")
    finally:
        inner(gpu01, "rm", "--force", name)

    assert refused == (
        1,
        f"Error: gpu01: a container named {name} exists that clusterkit did not make.\n"
        "Fix: rename the cluster, or remove that container yourself\n",
    )
    assert (down.returncode, left) == (0, foreign), down.stderr


def test_a_port_that_is_taken_is_named(lab: Lab):
    alone(lab)
    gpu01 = lab.room["gpu01"]
    gpu01.container.exec_run(["python3", "-c", LISTEN], detach=True)
    deadline = time.monotonic() + 20
    while LISTENS not in gpu01.inside("cat", "/proc/net/tcp"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    try:
        taken = lab.error("up", lab.file, "--yes")
        lab.describe(nodes={"gpu01": {"slots": 2}}, container={"ssh_port": 2299})
        other = lab("up", lab.file, "--yes")
        ran = lab("exec", "gpu01", "--", "hostname")
        assert lab("down", "--yes").returncode == 0
    finally:
        gpu01.inside("python3", "-c", "import socket; socket.create_connection(('0.0.0.0', 2222))")

    assert taken == (
        1,
        "Error: gpu01: port 2222 of the machine is taken, and sshd of the container wants it.\n"
        "Fix: choose another with `ssh_port` of `container`, or stop what listens there "
        "(`sudo ss -ltnp sport = 2222` shows it)\n",
    )
    assert (other.returncode, ran.stdout) == (0, "gpu01\n"), other.stderr


def test_an_image_that_no_machine_can_get(lab: Lab):
    lab.describe(nodes={"gpu01": {"slots": 2}}, container={"image": "localhost:1/none:1"})
    code, said = lab.error("up", lab.file, "--yes")

    assert code == 1
    assert said.startswith(
        "Error: gpu01: image localhost:1/none:1 is not there and cannot be pulled: "
    )
    assert said.endswith(
        "Fix: check the name; or send it from here: "
        "`clusterkit images push localhost:1/none:1 --inventory INVENTORY`\n"
    )

"""The faults that other tests rely on are real, and mended afterwards."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import docker
import pytest

from tests.e2e.machine_faults import (
    UNKNOWN_NAME,
    add_docker0,
    change_host_keys,
    clock_off,
    cut_off,
    firewall,
    frozen,
    full_disk,
    refusing_port,
    silent,
    silent_port,
)
from tests.e2e.machines import Machine, Machines, Spec, machines


@pytest.fixture(scope="module")
def room(
    docker_host: docker.DockerClient,
    mpi_machine: str,
    openmpi4_machine: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machines]:
    specs = (Spec("gpu01"), Spec("gpu02", image=openmpi4_machine, disk_size="1m"))
    with machines(docker_host, mpi_machine, tmp_path_factory.mktemp("person"), *specs) as room:
        yield room


def connects(machine: Machine, to: Machine) -> bool:
    """Whether a new connection over the cluster network comes to be within a second."""
    script = (
        "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1)"
    )
    code, _ = machine.container.exec_run(["python3", "-c", script, to.address, str(to.port)])
    return code == 0


def test_a_firewall_is_shut_in_one_direction(room: Machines):
    gpu01, gpu02 = room["gpu01"], room["gpu02"]
    with firewall(room, gpu01, to=gpu02):
        shut = (connects(gpu01, gpu02), connects(gpu02, gpu01))

    assert shut == (False, True)
    assert (connects(gpu01, gpu02), connects(gpu02, gpu01)) == (True, True)


def test_a_machine_off_the_cluster_network_is_still_managed(room: Machines):
    gpu01, gpu02 = room["gpu01"], room["gpu02"]
    with cut_off(room, gpu02):
        cut = connects(gpu01, gpu02), room.person.ssh("gpu02", "hostname").stdout

    assert cut == (False, "gpu02\n")
    assert connects(gpu01, gpu02)


@pytest.mark.parametrize("fault", ["silent", "frozen"])
def test_a_machine_says_nothing(room: Machines, fault: str):
    gpu02 = room["gpu02"]
    with silent(room, gpu02) if fault == "silent" else frozen(gpu02):
        late = room.person.ssh("gpu02", "-o", "ConnectTimeout=1", "true")

    assert (late.returncode, "timed out" in late.stderr) == (255, True)
    assert room.person.ssh("gpu02", "true").returncode == 0


def test_a_clock_is_two_minutes_off_for_logins(room: Machines):
    def ahead() -> float:
        here = time.time()
        return float(room.person.ssh("gpu02", "date +%s").stdout) - here

    with clock_off(room["gpu02"]):
        assert ahead() == pytest.approx(120, abs=5)

    assert ahead() == pytest.approx(0, abs=5)


def test_a_disk_is_full(room: Machines):
    write = "echo more > ~/.clusterkit/more"
    with full_disk(room["gpu02"]):
        full = room.person.ssh("gpu02", write)

    assert (full.returncode, "No space left on device" in full.stderr) == (1, True)
    assert room.person.ssh("gpu02", write).returncode == 0


def test_two_versions_of_open_mpi(room: Machines):
    version = "/opt/clusterkit/bin/mpirun --version | head -1"
    said = [room.person.ssh(name, version).stdout for name in ("gpu01", "gpu02")]

    assert said == ["mpirun (Open MPI) 5.0.11\n", "mpirun (Open MPI) 4.1.8\n"]


def test_docker0_has_the_same_address_everywhere(room: Machines):
    add_docker0(room)
    found = [each.inside("ip", "-br", "addr", "show", "docker0") for each in room.all.values()]

    assert [line.split()[0::2] for line in found] == 2 * [["docker0", "172.17.0.1/16"]]


def test_ports_and_names_that_do_not_answer():
    with refusing_port() as port, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    with (
        silent_port() as port,
        socket.create_connection(("127.0.0.1", port), timeout=0.2) as quiet,
        pytest.raises(TimeoutError),
    ):
        quiet.recv(1)
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo(UNKNOWN_NAME, 22)


def test_changed_host_keys_are_noticed(room: Machines):
    """Last: known_hosts no longer holds afterwards, until it is written anew."""
    before = room["gpu01"].host_key()
    change_host_keys(room["gpu01"])
    done = room.person.ssh("gpu01", "true")
    room.know_hosts()

    assert room["gpu01"].host_key() != before
    assert (done.returncode, "REMOTE HOST IDENTIFICATION HAS CHANGED" in done.stderr) == (
        255,
        True,
    )
    assert room.person.ssh("gpu01", "true").returncode == 0

"""Each fault, made for real on real machines, fails the line that names it, and no other."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, new_cluster_name
from tests.e2e.machine_faults import add_docker0, clock_off, firewall, network_admin
from tests.e2e.machines import SHARED, Machines, Spec, machines

NODES = ("gpu01", "gpu02", "gpu03")


@dataclass
class Lab:
    """Three machines that are one cluster, and the person who examines it."""

    room: Machines
    controller: Controller
    name: str

    def examine(self, *words: str) -> dict[str, Any]:
        """What `doctor` answers."""
        done = self.controller("doctor", "-c", self.name, *words, "-o", "json")
        assert done.stdout, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (1 if "--gate" in words and not answer["ok"] else 0), done.stderr
        return answer


@pytest.fixture(scope="module")
def lab(
    docker_host: docker.DockerClient,
    mpi_machine: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    specs = (Spec("gpu01"), Spec("gpu02", user="ada", port=2222), Spec("gpu03"))
    with machines(docker_host, mpi_machine, folder / "person", *specs) as room:
        name = new_cluster_name()
        controller = room.controller(folder / "home", name)
        try:
            file = room.describe(folder / "lab.yaml", name)
            up = controller("up", file, "--yes")
            assert up.returncode == 0, up.stderr
            yield Lab(room, controller, name)
        finally:
            controller.close()


def failed(answer: dict[str, Any]) -> list[tuple[str, list[str], str]]:
    """The lines that fail: check, nodes and what was seen."""
    return [
        (line["check"], line["nodes"], line["seen"])
        for line in answer["lines"]
        if line["state"] == "fail"
    ]


def state_of(answer: dict[str, Any], check: str) -> set[str]:
    """The states of a check's lines."""
    return {line["state"] for line in answer["lines"] if line["check"] == check}


def test_a_cluster_that_is_well_passes(lab: Lab):
    answer = lab.examine("--gate")

    assert failed(answer) == []
    assert (answer["ok"], answer["nodes"]) == (True, list(NODES))
    ran = ("reached", "interface", "ports", "pairs", "logins", "mpi-version", "storage", "ring")
    assert {check: state_of(answer, check) for check in ran} == {check: {"pass"} for check in ran}
    (ring,) = [line["seen"] for line in answer["lines"] if line["check"] == "ring"]
    assert ring.startswith("6 ranks, 1 MiB once around in ")


@pytest.mark.parametrize(("source", "target"), [("gpu02", "gpu03"), ("gpu01", "gpu02")])
def test_a_firewall_in_one_direction_is_named_with_its_direction(
    lab: Lab, source: str, target: str
):
    room = lab.room
    with firewall(room, room[source], to=room[target]):
        answer = lab.examine()

    seen = (
        f"{source} -> {target}: free ports of and sshd of {target}: no answer within 3 s; "
        f"{target} -> {source} works"
    )
    assert failed(answer) == [("pairs", [source, target], seen)]
    assert state_of(answer, "ring") == {"skip"}


def test_a_clock_two_minutes_off_is_named(lab: Lab):
    with clock_off(lab.room["gpu03"]):
        answer = lab.examine()

    ((check, nodes, seen),) = failed(answer)
    assert (check, nodes) == ("clock", ["gpu03"])
    assert 119 < float(seen.split()[0]) < 121
    assert seen.endswith(" s ahead of the others")


def test_an_interface_of_docker_in_the_subnet_is_named(lab: Lab):
    room = lab.room
    stray = room.cluster.address(200)
    make = f"ip link add docker0 type bridge && ip addr add {stray}/24 dev docker0 noprefixroute"
    network_admin(room, room["gpu02"], "sh", "-c", f"{make} && ip link set docker0 up")
    try:
        answer = lab.examine()
    finally:
        network_admin(room, room["gpu02"], "ip", "link", "del", "docker0")

    seen = f"docker0 has an address in {room.cluster.subnet}"
    assert failed(answer) == [("interface", ["gpu02"], seen)]


def test_docker0_beside_the_cluster_network_is_never_chosen(lab: Lab):
    add_docker0(lab.room)
    try:
        answer = lab.examine()
    finally:
        for machine in lab.room.all.values():
            network_admin(lab.room, machine, "ip", "link", "del", "docker0")

    assert failed(answer) == []
    chosen = {line["seen"] for line in answer["lines"] if line["check"] == "interface"}
    assert chosen <= {"eth0", "eth1"}
    assert state_of(answer, "ring") == {"pass"}


def test_storage_that_is_not_the_shared_one_is_named(lab: Lab):
    with mounted_over(lab.room, "gpu03", "/srv", SHARED):
        answer = lab.examine()

    seen = f"{SHARED} is another than that of gpu01: it lacks what gpu01 wrote"
    assert failed(answer) == [("storage", ["gpu03"], seen)]
    assert lab.room["gpu03"].inside("find", SHARED, "-name", ".clusterkit-proof*") == ""


def test_another_open_mpi_is_named_and_jobs_are_held_back(lab: Lab, openmpi4_machine: str):
    gpu02 = lab.room["gpu02"]
    copy_opt(lab.room, openmpi4_machine, "gpu02")
    with mounted_over(lab.room, "gpu02", "/srv/clusterkit", "/opt/clusterkit"):
        answer = lab.examine()
        infer = lab.controller("infer", "-c", lab.name, "--prompt", "hi")

    seen = "Open MPI 4.1.8 on gpu02, but Open MPI 5.0.11 on gpu[01,03]"
    assert failed(answer) == [("mpi-version", ["gpu02"], seen)]
    assert state_of(answer, "ring") == {"skip"}
    assert infer.returncode == 1
    assert infer.stderr.startswith(
        f"Error: cluster {lab.name} is not fit for a job:\n  gpu02: {seen}\n"
    )
    assert gpu02.inside("/opt/clusterkit/bin/mpirun", "--version").startswith(
        "mpirun (Open MPI) 5"
    )


def test_a_closed_gate_holds_jobs_back_until_it_passes_or_is_forced(lab: Lab):
    def says(verb: str, *words: str) -> str:
        done = lab.controller(verb, "-c", lab.name, *words)
        assert done.returncode != 0
        return done.stderr

    infer = ("infer", "--prompt", "hi")
    with clock_off(lab.room["gpu03"]):
        closed = lab.examine("--gate")
        held = [says(*infer), says("build")]
        lab.examine("gpu[01-02]")  # not all of it: the gate stays closed
        still_held = says("build")
        forced = [says(*infer, "--force"), says("build", "--force")]
    lab.examine()
    opened = says("build")

    refusal = f"cluster {lab.name} failed its last gate, at {closed['at']}:\n  gpu03: clocks: "
    assert [refusal in each for each in [*held, still_held]] == [True] * 3
    assert [each.rstrip().endswith("or add `--force` to go on all the same") for each in held]
    # these machines have no engine, so that each verb ends with another message
    assert ["failed its last gate" in each for each in [*forced, opened]] == [False] * 3


def test_a_node_that_does_not_answer_is_named_and_the_others_are_examined(lab: Lab):
    gpu03 = lab.room["gpu03"]
    gpu03.container.pause()
    try:
        answer = lab.examine()
    finally:
        gpu03.container.unpause()

    ((check, nodes, seen),) = failed(answer)
    assert (check, nodes) == ("reached", ["gpu03"]), seen
    assert seen == "gpu03 did not answer within 8 s"
    assert {check: state_of(answer, check) for check in ("pairs", "clock", "storage")} == {
        "pairs": {"pass"},
        "clock": {"pass"},
        "storage": {"pass"},
    }


@contextlib.contextmanager
def mounted_over(room: Machines, name: str, source: str, path: str) -> Iterator[None]:
    """Show another folder of the machine at ``path``, as a mount that is missing or wrong does."""
    as_machine(room, name, "mount", "--bind", source, path)
    try:
        yield
    finally:
        as_machine(room, name, "umount", path)


def as_machine(room: Machines, name: str, *argv: str) -> None:
    """Run a program in a machine's mounts, with the right to change them."""
    container = room[name].container
    container.reload()
    into = ["nsenter", "--target", str(container.attrs["State"]["Pid"]), "--mount", "--pid", "--"]
    room.engine.containers.run(
        container.image.id,
        [*into, *argv],
        pid_mode="host",
        cap_add=["SYS_ADMIN", "SYS_PTRACE"],
        security_opt=["apparmor=unconfined", "seccomp=unconfined"],
        remove=True,
    )


def copy_opt(room: Machines, image: str, name: str) -> None:
    """Put the environment of another image beside that of a machine."""
    other = room.engine.containers.create(image, ["true"])
    try:
        stream, _ = other.get_archive("/opt/clusterkit")
        assert room[name].container.put_archive("/srv", b"".join(stream))
    finally:
        other.remove()

"""What is remembered of machines is gone or damaged; or two names mean one machine."""

from __future__ import annotations

import json
from pathlib import Path

import docker

from tests.e2e.controller import new_cluster_name
from tests.e2e.machines import Spec, machines
from tests.e2e.pair import NOTHING, Pair


def test_status_asks_the_machines_of_which_nothing_is_remembered(
    docker_host: docker.DockerClient, mpi_machine: str, tmp_path: Path
):
    name = new_cluster_name()
    with machines(docker_host, mpi_machine, tmp_path / "person", Spec("gpu01")) as room:
        file = room.describe(tmp_path / "lab.yaml", name)
        controller = room.controller(tmp_path / "state", name)
        try:
            up = controller("up", file, "--yes")
            contacts = tmp_path / "state/clusters" / name / "contacts.json"
            contacts.write_bytes(contacts.read_bytes()[:20])
            damaged = controller("status", "-o", "json")
            controller.home = tmp_path / "another operator's"
            without = controller("status", "--inventory", file, "-o", "json")
            controller.home = tmp_path / "state"
        finally:
            controller.close()

    assert up.returncode == 0, up.stderr
    states = [json.loads(done.stdout)["nodes"][0]["state"] for done in (damaged, without)]
    assert states == ["up", "up"]


def test_two_names_of_one_machine_are_refused(
    docker_host: docker.DockerClient, mpi_machine: str, tmp_path: Path
):
    name = new_cluster_name()
    with machines(docker_host, mpi_machine, tmp_path / "person", Spec("gpu01")) as room:
        gpu01 = room["gpu01"]
        config = room.person.ssh_config.read_text()
        room.person.ssh_config.write_text(config.replace("Host gpu01", "Host gpu01 again"))
        nodes = {"gpu01": {}, "again": {}}
        file = room.describe(tmp_path / "lab.yaml", name, nodes=nodes)
        controller = room.controller(tmp_path / "state", name)
        try:
            up = controller("up", file, "--yes")
        finally:
            controller.close()

    assert (up.returncode, "Error: " + up.stderr.partition("Error: ")[2]) == (
        1,
        "Error: 1 node failed\n"
        f"  again: it is the same machine as gpu01: both are at {gpu01.address}.\n"
        "Fix: give each node a machine of its own, and raise `slots` for more ranks\n",
    )


def test_the_keys_of_containers_are_made_anew(described: Pair):
    described.up()
    folder = described.controller.home / "clusters" / described.name
    wrong = {}
    for name in ("keys/operator", "keys/head", "keys/host-node1", "known_hosts", "rotation.json"):
        (folder / name).write_bytes(b"\xff\x00\x80 garbage\n")
        looked = described("status", "-o", "json")
        mended = described("up", described.file, "--yes")
        if name == "rotation.json":
            assert (mended.returncode, str(folder / name) in mended.stderr) == (0, False)
            (folder / name).unlink(missing_ok=True)
        said = looked.stderr + mended.stderr
        again = described("up", described.file, "--yes", "-o", "json")
        changes = json.loads(again.stdout)["changes"] if again.returncode == 0 else again.stderr
        if (mended.returncode, changes, "Traceback" in said) != (0, 0, False):
            wrong[name] = (mended.returncode, changes, said)
    described("down", "--yes")

    assert wrong == {}
    assert described.left() == NOTHING

"""Machines that share no disk: each has its own copy of the model, whole or not at all.

The tests are one life of the cluster, in order: up, copies and their faults, down.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, Done, new_cluster_name
from tests.e2e.hollow_model import hollow_model
from tests.e2e.machine_faults import firewall
from tests.e2e.machines import Machine, Machines, Spec, machines

SMALL = docker.types.Mount(
    "/var/tmp",  # noqa: S108
    None,
    type="tmpfs",
    tmpfs_size=40 << 20,
    tmpfs_mode=0o1777,
)
SPECS = (
    Spec("gpu01"),
    Spec("gpu02", user="ada", port=2022),
    Spec("gpu03", options={"mounts": [SMALL]}),
)
DEADLINE_S = 60
PAYLOADS = ("send_model", "receive_model")


@dataclass
class Lab:
    """The room and the cluster in it; models are built from folders of this machine."""

    room: Machines
    controller: Controller
    name: str
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "lab.yaml"

    def __call__(self, *words: object, timeout_s: float = 120) -> Done:
        return self.controller(*words, timeout_s=timeout_s)

    def answer(self, *words: object) -> dict[str, Any]:
        """The JSON of one command line that must succeed."""
        done = self(*words, "-o", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def model(self, name: str, *, size_mib: int) -> Path:
        """A model that no node has."""
        return hollow_model(self.folder / name, size_mib=size_mib)

    def storage(self, machine: Machine) -> list[str]:
        """Models and their files there, and what is not yet one."""
        folder = f"/var/tmp/clusterkit-{self.name}/clusterkit/models"  # noqa: S108
        script = 'cd "$0" 2>/dev/null || exit 0; find . -mindepth 1 -printf "%P\\n" | sort'
        return machine.inside("sh", "-c", script, folder).splitlines()

    def processes(self, machine: Machine) -> list[str]:
        """Those that copy models there."""
        lines = machine.inside("ps", "-eo", "args").splitlines()
        return [line for line in lines if any(name in line for name in PAYLOADS)]


@pytest.fixture(scope="module")
def lab(
    docker_host: docker.DockerClient, mpi_machine: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    folder, name = tmp_path_factory.mktemp("lab"), new_cluster_name()
    with machines(docker_host, mpi_machine, folder / "person", *SPECS) as room:
        lab = Lab(room, room.controller(folder / "state", name), name, folder)
        inventory = room.inventory(name)
        del inventory["storage"]  # a copy on each is what machines have by default
        lab.file.write_text(json.dumps(inventory))
        try:
            yield lab
        finally:
            lab.controller.close()


def test_a_folder_of_somebody_else_is_not_used(lab: Lab):
    path, gpu02 = f"/var/tmp/clusterkit-{lab.name}", lab.room["gpu02"]  # noqa: S108
    gpu02.inside("mkdir", "-m", "777", path)
    refused = lab("up", lab.file, "--yes")
    left = gpu02.inside("ls", "-A", path)
    gpu02.inside("rmdir", path)

    # 1: the other nodes succeeded, and all of this new cluster was taken back
    assert (refused.returncode, left) == (1, ""), refused.stderr
    said = " ".join(refused.stderr.split())
    assert (
        f"gpu02: {path} is there, and is no folder of this user's own. Fix: have its owner move "
        "it away, or set another `path` in `storage`"
    ) in said


def test_up_makes_each_node_its_own_folder_and_the_second_up_nothing(lab: Lab):
    lab.answer("up", lab.file, "--yes")
    second = lab.answer("up", lab.file, "--yes")
    path = f"/var/tmp/clusterkit-{lab.name}"  # noqa: S108
    found = {name: each.inside("stat", "-c", "%U %a", path) for name, each in lab.room.all.items()}

    assert (second["changes"], second["steps"]) == (0, [])
    assert found == {"gpu01": "ubuntu 700\n", "gpu02": "ada 700\n", "gpu03": "ubuntu 700\n"}


def test_every_node_gets_the_model_once(lab: Lab):
    model = lab.model("small", size_mib=4)
    first = lab.answer("build", "--model", model)
    second = lab.answer("build", "--model", model, "--verify")

    folder = first["folder"].rpartition("/")[2]
    wanted = ["config.json", "manifest.json", "model.safetensors"]
    names = [folder, *(f"{folder}/{name}" for name in wanted)]
    assert (first["changed"], first["copied_to"]) == (True, ["gpu02", "gpu03"])
    assert (second["changed"], second["copied_to"]) == (False, [])
    assert {name: lab.storage(each) for name, each in lab.room.all.items()} == dict.fromkeys(
        lab.room.all, names
    )
    sums = {
        each.inside("sh", "-c", 'cat "$0"/* | sha256sum', first["folder"])
        for each in lab.room.all.values()
    }
    assert len(sums) == 1


def test_a_damaged_copy_is_replaced_and_no_other(lab: Lab):
    folder = lab.answer("build", "--model", lab.folder / "small")["folder"]
    weights = f"{folder}/model.safetensors"
    script = 'printf x | dd of="$0" bs=1 seek=1000 conv=notrunc 2>/dev/null'
    lab.room["gpu02"].inside("sh", "-c", script, weights)
    by_size = lab.answer("build", "--model", lab.folder / "small")
    verified = lab.answer("build", "--model", lab.folder / "small", "--verify")
    again = lab.answer("build", "--model", lab.folder / "small", "--verify")

    assert by_size["copied_to"] == []  # a quick look sees sizes
    assert verified["copied_to"] == ["gpu02"]
    assert again["copied_to"] == []


def test_a_full_node_is_named_and_the_others_have_the_model(lab: Lab):
    before = lab.storage(lab.room["gpu03"])
    model = lab.model("large", size_mib=60)
    done = lab("build", "--model", model)

    assert done.returncode == 3, done.stdout + done.stderr
    said = " ".join(done.stderr.split())
    assert "gpu03: large cannot be copied there: no space left in /var/tmp/" in said
    assert "and the model has 60 MiB. Fix: free some there, or set another `path`" in said
    assert "gpu02:" not in said
    assert lab.storage(lab.room["gpu03"]) == before
    assert any(name.startswith("large-") for name in lab.storage(lab.room["gpu02"]))


def test_a_node_that_the_head_cannot_reach_is_named_and_the_others_have_the_model(lab: Lab):
    model = lab.model("cut", size_mib=1)
    with firewall(lab.room, lab.room["gpu01"], to=lab.room["gpu02"]):
        done = lab("build", "--model", model)

    assert done.returncode == 3, done.stdout + done.stderr
    said = " ".join(done.stderr.split())
    assert "gpu02: cut cannot be copied there: ssh: connect to host" in said
    assert "gpu03:" not in said
    assert lab.answer("build", "--model", model)["copied_to"] == ["gpu02"]


def test_interrupted_nothing_half_is_left_and_no_process(lab: Lab):
    """SIGINT while gpu02 holds a part of the model."""
    gpu02 = lab.room["gpu02"]
    model = lab.model("slow", size_mib=400)
    process = lab.controller.start("build", "--model", model)
    _wait_until(lambda: _holds_a_part(lab, gpu02, process))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE_S)

    assert process.returncode == 130, out + err
    for machine in (gpu02, lab.room["gpu01"]):
        _wait_until(lambda machine=machine: lab.processes(machine) == [])
    assert [name for name in lab.storage(gpu02) if "slow" in name] == []
    assert [name for name in lab.storage(lab.room["gpu01"]) if ".part" in name] == []


def test_a_controller_that_is_killed_leaves_nothing_half_either(lab: Lab):
    gpu02 = lab.room["gpu02"]
    process = lab.controller.start("build", "--model", lab.folder / "slow")
    _wait_until(lambda: _holds_a_part(lab, gpu02, process))
    process.kill()
    process.communicate()

    for machine in (gpu02, lab.room["gpu01"]):
        _wait_until(lambda machine=machine: lab.processes(machine) == [])
    _wait_until(lambda: not any("slow" in name for name in lab.storage(gpu02)))


def test_down_leaves_nothing_on_any_node(lab: Lab):
    done = lab("down", "--yes")

    assert done.returncode == 0, done.stderr
    left = {name: each.inside("ls", "-A", "/var/tmp") for name, each in lab.room.all.items()}  # noqa: S108
    assert left == dict.fromkeys(lab.room.all, "")


def test_below_a_path_of_the_users_own_everything_else_stays(lab: Lab):
    inventory = lab.room.inventory(lab.name, without=("gpu03",))
    inventory["storage"] = {"kind": "sync", "path": "/var/tmp/disk"}  # noqa: S108
    lab.file.write_text(json.dumps(inventory))
    machines = [lab.room[name] for name in ("gpu01", "gpu02")]
    for machine in machines:
        script = "mkdir /var/tmp/disk && touch /var/tmp/disk/thesis"
        machine.inside("sh", "-c", script, user=machine.user)
    lab.answer("up", lab.file, "--yes")
    lab.answer("build", "--model", lab.folder / "small")
    during = [machine.inside("ls", "-A", "/var/tmp/disk").split() for machine in machines]  # noqa: S108
    lab.answer("down", "--yes")
    after = [machine.inside("ls", "-A", "/var/tmp/disk").split() for machine in machines]  # noqa: S108

    assert during == [["clusterkit", "thesis"]] * 2
    assert after == [["thesis"]] * 2


def _holds_a_part(lab: Lab, machine: Machine, process: subprocess.Popen[str]) -> bool:
    assert process.poll() is None, process.communicate()
    return any(".part" in name for name in lab.storage(machine))


def _wait_until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not seen():
        assert time.monotonic() < deadline, "never came to be"
        time.sleep(0.02)

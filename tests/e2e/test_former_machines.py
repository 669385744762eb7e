"""Machines that are taken out of the inventory: the next `up` or `down` cleans them.

The tests are one life of the cluster, in order.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, Done, new_cluster_name
from tests.e2e.machine_faults import silent
from tests.e2e.machines import Machine, Machines, Spec, machines

SPECS = (Spec("gpu01"), Spec("gpu02", user="ada", port=2022), Spec("gpu03"), Spec("gpu04"))


@dataclass
class Lab:
    """The room, the cluster in it, and what the machines were like before."""

    room: Machines
    controller: Controller
    name: str
    file: Path
    before: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: object) -> Done:
        return self.controller(*words, timeout_s=180)

    def answer(self, *words: object) -> dict[str, Any]:
        """The JSON of one command line that must succeed."""
        done = self(*words, "-o", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def describe(self, **hosts: str) -> None:
        """An inventory of nodes, each on a machine of the room."""
        nodes = {node: {"host": host, "slots": 1} for node, host in hosts.items()}
        settings = {"connect_timeout_s": 2}
        inventory = self.room.inventory(self.name, nodes=nodes, ssh=settings)
        del inventory["storage"]
        self.file.write_text(json.dumps(inventory))

    def is_clean(self, machine: Machine) -> bool:
        """Whether nothing of the cluster is left there."""
        home = machine.inside("ls", "-A", f"/home/{machine.user}").split()
        copies = machine.inside("ls", "-A", "/var/tmp")  # noqa: S108
        same = machine.authorized_keys() == self.before[machine.name]
        return ".clusterkit" not in home and not copies and same

    def lines(self, machine: Machine) -> list[str]:
        """Our lines in authorized_keys there."""
        text = machine.authorized_keys().removesuffix(self.before[machine.name])
        return text.splitlines()


@pytest.fixture(scope="module")
def lab(
    docker_host: docker.DockerClient, mpi_machine: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    folder, name = tmp_path_factory.mktemp("lab"), new_cluster_name()
    with machines(docker_host, mpi_machine, folder / "person", *SPECS) as room:
        lab = Lab(room, room.controller(folder / "state", name), name, folder / "lab.yaml")
        lab.before = {each.name: each.authorized_keys() for each in room.all.values()}
        try:
            yield lab
        finally:
            lab.controller.close()


def test_a_machine_with_a_job_is_not_taken_out(lab: Lab):
    lab.describe(a="gpu01", b="gpu02", c="gpu03")
    lab.answer("up", lab.file, "--yes")
    lab.describe(a="gpu01", b="gpu02")
    bench = lab.controller.start("bench", "net", "--sizes", "1g")
    deadline = time.monotonic() + 60
    while not (jobs := lab.answer("status")["jobs_running"]):
        assert bench.poll() is None, bench.communicate()
        assert time.monotonic() < deadline
    refused = lab("up", lab.file, "--yes")
    lab("stop", jobs[0])
    bench.communicate()

    assert refused.returncode == 2, refused.stderr
    assert " ".join(refused.stderr.split()) == (
        f"Error: job {jobs[0]} runs on c, which the inventory does not have any more. "
        f"Fix: wait for its end, or end it with `clusterkit stop {jobs[0]}`"
    )


def test_a_machine_that_is_taken_out_is_cleaned_and_the_plan_says_so(lab: Lab):
    plan = lab.answer("plan", lab.file)
    up = lab.answer("up", lab.file, "--yes")
    again = lab.answer("up", lab.file, "--yes")

    leaving = [(step["node"], step["sign"]) for step in plan["steps"] if step["stage"] == "former"]
    assert leaving == [("c", "-")] * 3
    assert [step["summary"] for step in plan["steps"] if step["stage"] == "former"] == [
        "take the head's key out of ~/.ssh/authorized_keys",
        f"remove the copies in /var/tmp/clusterkit-{lab.name}",
        f"remove /home/ubuntu/.clusterkit/{lab.name}/c",
    ]
    assert (up["left"], again["changes"]) == ([], 0)
    assert lab.is_clean(lab.room["gpu03"])
    assert not lab.is_clean(lab.room["gpu02"])


def test_another_host_of_a_node_is_another_machine(lab: Lab):
    lab.describe(a="gpu01", b="gpu03")
    up = lab.answer("up", lab.file, "--yes")

    assert up["left"] == []
    assert lab.is_clean(lab.room["gpu02"])
    assert len(lab.lines(lab.room["gpu03"])) == 1
    assert lab.answer("mpi-hello")["ok"] is True


def test_a_node_with_another_name_leaves_nothing_under_the_old_one(lab: Lab):
    lab.describe(a="gpu01", z="gpu03")
    lab.answer("up", lab.file, "--yes")
    gpu03 = lab.room["gpu03"]

    assert gpu03.inside("ls", f"/home/ubuntu/.clusterkit/{lab.name}") == "z\n"
    assert [line.rpartition(":")[2] for line in lab.lines(gpu03)] == ["z"]


def test_another_head_has_a_key_of_its_own_and_the_old_one_opens_nothing(lab: Lab):
    lab.describe(a="gpu01", b="gpu02", z="gpu03")
    lab.answer("up", lab.file, "--yes")
    old = lab.lines(lab.room["gpu02"])
    lab.describe(z="gpu03", b="gpu02")
    lab.answer("up", lab.file, "--yes")
    again = lab.answer("up", lab.file, "--yes")
    new = lab.lines(lab.room["gpu02"])

    assert again["changes"] == 0
    assert (len(old), len(new), old == new) == (1, 1, False)
    assert lab.is_clean(lab.room["gpu01"])
    assert lab.lines(lab.room["gpu03"]) == []  # it is the head now: nobody logs in there
    assert lab.answer("mpi-hello")["ok"] is True


def test_a_head_that_stays_as_a_node_keeps_no_key(lab: Lab):
    lab.describe(b="gpu02", z="gpu03")
    lab.answer("up", lab.file, "--yes")
    find = 'grep -rlIs "PRIVATE KEY" /home; true'
    found = {name: lab.room[name].inside("sh", "-c", find).split() for name in ("gpu02", "gpu03")}

    assert found == {
        "gpu02": [f"/home/ada/.clusterkit/{lab.name}/b/ssh/id_ed25519"],
        "gpu03": [],
    }
    assert lab.lines(lab.room["gpu02"]) == []
    assert lab.answer("mpi-hello")["ok"] is True


def test_a_machine_that_cannot_be_reached_is_remembered_and_cleaned_later(lab: Lab):
    lab.describe(b="gpu02", z="gpu03", d="gpu04")
    lab.answer("up", lab.file, "--yes")
    lab.describe(b="gpu02", z="gpu03")
    gpu04 = lab.room["gpu04"]
    with silent(lab.room, gpu04):
        plan = lab.answer("plan", lab.file)
        up = lab("up", lab.file, "--yes")
        again = lab.answer("up", lab.file, "--yes")
        down = lab("down", "--yes")
    assert not lab.is_clean(gpu04)
    last = lab.answer("down", "--yes")

    unknown = [line.partition(" still ") for line in plan["unknown"]]
    assert [who for who, still, _ in unknown if still] == ["d (gpu04)"]
    assert up.returncode == 0, up.stderr
    assert "d (gpu04) still has what up put there: " in " ".join(up.stderr.split())
    assert (again["changes"], len(again["left"])) == (0, 1)
    assert down.returncode == 1, down.stderr
    assert (last["left"], lab.is_clean(gpu04)) == ([], True)
    for machine in lab.room.all.values():
        assert lab.is_clean(machine), machine.name
    left = [path for path in lab.controller.home.rglob("*") if path.is_file()]
    assert [path for path in left if path.parent.name != "audit"] == []


def test_down_by_an_inventory_that_lost_a_node_cleans_that_as_well(lab: Lab):
    lab.describe(a="gpu01", b="gpu02")
    lab.answer("up", lab.file, "--yes")
    lab.describe(a="gpu01")
    lab.answer("down", "--inventory", lab.file, "--yes")

    for name in ("gpu01", "gpu02"):
        assert lab.is_clean(lab.room[name]), name

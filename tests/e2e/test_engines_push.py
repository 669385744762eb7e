"""An engine that was built on the head reaches machines that share no disk, over slow links.

The tests are one life of the cluster, in order: up, pushes and their faults, down.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, Done, new_cluster_name
from tests.e2e.machine_faults import firewall
from tests.e2e.machines import Machine, Machines, Spec, machines
from tests.e2e.slow_links import slow_links

NODES = ("gpu01", "gpu02", "gpu03")
SPECS = (Spec("gpu01"), Spec("gpu02", user="ada", port=2022), Spec("gpu03"))
NAME = "llama-tp1-pp3-0123456789ab"
MIB = 1 << 20
FILES = {
    "config.json": b"{}",
    "rank0.engine": os.urandom(8 * MIB),
    "rank1.engine": os.urandom(24 * MIB + 1),
    "rank2.engine": os.urandom(32 * MIB + 12345),
    "tokenizer/tokenizer.json": os.urandom(1000),
}
COMMON = ("config.json", "tokenizer/tokenizer.json")
OWN = {"gpu02": (*COMMON, "rank1.engine"), "gpu03": (*COMMON, "rank2.engine")}
DEADLINE_S = 60
PAYLOADS = ("push_engine", "receive_engine")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


MANIFEST = {
    "format": 1,
    "name": "llama-tp1-pp3",
    "files": {
        name: {"size": len(content), "sha256": digest(content)} for name, content in FILES.items()
    },
    "shape": {},
    "engine": {
        "key": {"tp": 1, "pp": 3},
        "rank_files": [["rank0.engine"], ["rank1.engine"], ["rank2.engine"]],
        "common_files": ["config.json"],
        "version": "0.16.0",
        "tp": 1,
        "pp": 3,
        "family": "llama",
        "gpu": None,
    },
}


@dataclass
class Lab:
    """The room and the cluster in it."""

    room: Machines
    controller: Controller
    name: str
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "lab.yaml"

    @property
    def engines(self) -> str:
        """Where engines lie on every machine."""
        return f"/var/tmp/clusterkit-{self.name}/clusterkit/engines"  # noqa: S108

    def __call__(self, *words: object, timeout_s: float = 120) -> Done:
        return self.controller(*words, timeout_s=timeout_s)

    def answer(self, *words: object) -> dict[str, Any]:
        """The JSON of one command line that must succeed."""
        done = self(*words, "-o", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def place_on_head(self) -> None:
        """Put the engine there, as a build publishes it."""
        head = self.room["gpu01"]
        packed = io.BytesIO()
        text = json.dumps(MANIFEST).encode()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, content in {**FILES, "manifest.json": text}.items():
                member = tarfile.TarInfo(f"{NAME}/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        head.inside("mkdir", "-p", self.engines, user=head.user)
        assert head.container.put_archive(self.engines, packed.getvalue())
        head.inside("chown", "-R", f"{head.user}:", self.engines)

    def files(self, node: str) -> dict[str, str]:
        """The sha256 of every file below the engines of a machine."""
        script = 'cd "$0" 2>/dev/null || exit 0; find . -type f -exec sha256sum {} +'
        lines = self.room[node].inside("sh", "-c", script, self.engines).splitlines()
        rows = (line.split(maxsplit=1) for line in lines)
        return {path.removeprefix("./"): found for found, path in rows}

    def placed(self, node: str) -> dict[str, str]:
        """The same, without what describes them; nothing else may be there."""
        found = self.files(node)
        found.pop(f"{NAME}/manifest.json", None)
        return {path.removeprefix(f"{NAME}/"): sha256 for path, sha256 in found.items()}

    def clear(self, *nodes: str) -> None:
        for node in nodes:
            self.room[node].inside("rm", "-rf", self.engines)

    def part_size(self, node: str, file: str) -> int:
        path = f"{self.engines}/{NAME}.part/{file}"
        script = 'stat -c %s "$0" 2>/dev/null || echo 0'
        return int(self.room[node].inside("sh", "-c", script, path))

    def processes(self, machine: Machine) -> list[str]:
        lines = machine.inside("ps", "-eo", "args").splitlines()
        return [line for line in lines if any(name in line for name in PAYLOADS)]


@pytest.fixture(scope="module")
def lab(
    docker_host: docker.DockerClient, mpi_machine: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    folder, name = tmp_path_factory.mktemp("lab"), new_cluster_name()
    with machines(docker_host, mpi_machine, folder / "person", *SPECS) as room:
        lab = Lab(room, room.controller(folder / "state", name), name, folder)
        inventory = room.inventory(name, nodes={each: {"slots": 1} for each in NODES})
        del inventory["storage"]  # each has its own, by default
        lab.file.write_text(json.dumps(inventory))
        try:
            lab.answer("up", lab.file, "--yes")
            lab.place_on_head()
            with slow_links(room, mbit=200):
                yield lab
        finally:
            lab.controller.close()


def wanted(node: str) -> dict[str, str]:
    return {name: digest(FILES[name]) for name in OWN[node]}


def states(answer: dict[str, Any]) -> list[dict[str, str]]:
    return [row["nodes"] for row in answer["engines"]]


def test_each_node_gets_the_files_of_its_own_ranks_and_a_second_push_sends_nothing(lab: Lab):
    first = lab.answer("engines", "push", NAME)
    second = lab.answer("engines", "push", "llama")
    verified = lab.answer("engines", "verify")

    ready = [dict.fromkeys(NODES, "ready")]
    assert (first["pushed"], states(first)) == (["gpu02", "gpu03"], ready)
    assert (second["pushed"], states(second)) == ([], ready)
    assert (verified["verified"], states(verified)) == (True, ready)
    assert {node: lab.placed(node) for node in OWN} == {node: wanted(node) for node in OWN}
    assert lab.placed("gpu01") == {name: digest(content) for name, content in FILES.items()}


def test_a_push_that_was_killed_half_way_goes_on_from_there(lab: Lab):
    lab.clear("gpu02", "gpu03")
    process = lab.controller.start("engines", "push", NAME)
    _wait_until(lambda: lab.part_size("gpu03", "rank2.engine") > 6 * MIB)
    process.kill()
    process.communicate()
    for node in NODES:
        _wait_until(lambda node=node: lab.processes(lab.room[node]) == [])
    had = lab.part_size("gpu03", "rank2.engine")
    inode = f'stat -c %i "$0"/{NAME}*/rank2.engine'
    before = lab.room["gpu03"].inside("sh", "-c", inode, lab.engines)
    answer = lab.answer("engines", "push", NAME)

    assert 6 * MIB < had < len(FILES["rank2.engine"])
    assert lab.room["gpu03"].inside("sh", "-c", inode, lab.engines) == before
    assert "gpu03" in answer["pushed"]
    assert {node: lab.placed(node) for node in OWN} == {node: wanted(node) for node in OWN}


def test_a_flipped_byte_is_found_named_and_mended(lab: Lab):
    script = 'printf x | dd of="$0" bs=1 seek=100000 conv=notrunc 2>/dev/null'
    lab.room["gpu02"].inside("sh", "-c", script, f"{lab.engines}/{NAME}/rank1.engine")
    done = lab("engines", "push", NAME, "-o", "json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pushed"] == ["gpu02"]
    assert "rank1.engine has another sha256 than was written" in " ".join(done.stderr.split())
    assert {node: lab.placed(node) for node in OWN} == {node: wanted(node) for node in OWN}


def test_a_node_that_the_one_before_cannot_reach_is_named_and_the_others_have_all(lab: Lab):
    lab.clear("gpu02", "gpu03")
    with firewall(lab.room, lab.room["gpu02"], to=lab.room["gpu03"]):
        done = lab("engines", "push", NAME)
    said = " ".join(done.stderr.split())

    assert done.returncode == 3, done.stdout + done.stderr
    assert (
        f"gpu03: llama-tp1-pp3-0123456789ab cannot be copied there: gpu02 cannot send to it at "
        f"{lab.room['gpu03'].address}: timed out. Fix: let the nodes reach each other on all TCP "
        "ports of the cluster network, as MPI needs it too, then run the same command again"
    ) in said
    assert "gpu02:" not in said.partition("Error")[2]
    assert lab.placed("gpu02") == wanted("gpu02")
    assert lab.answer("engines", "push", NAME)["pushed"] == ["gpu03"]
    assert lab.placed("gpu03") == wanted("gpu03")


def test_a_node_that_hangs_is_named_and_what_came_stays_until_rm(lab: Lab):
    lab.clear("gpu02", "gpu03")
    process = lab.controller.start("engines", "push", NAME)
    _wait_until(lambda: lab.part_size("gpu03", "rank2.engine") > 2 * MIB)
    lab.room["gpu03"].container.pause()
    try:
        _, said = process.communicate(timeout=DEADLINE_S + 30)
    finally:
        lab.room["gpu03"].container.unpause()

    assert process.returncode == 3, said
    assert "gpu03: " in said
    assert lab.placed("gpu02") == wanted("gpu02")
    _wait_until(lambda: lab.processes(lab.room["gpu03"]) == [])
    assert lab.part_size("gpu03", "rank2.engine") > 2 * MIB
    assert lab.answer("engines", "rm", NAME, "--yes")["removed"] == ["gpu01", "gpu02"]
    assert [lab.files(node) for node in NODES] == [{}, {}, {}]


def test_an_engine_that_is_nowhere_is_told_of(lab: Lab):
    done = lab("engines", "push", "mixtral")

    assert done.returncode == 2
    assert "there is no engine named `mixtral`" in done.stderr


def test_a_dry_run_asks_every_node_and_pushes_from_the_head(lab: Lab):
    steps = lab.answer("engines", "push", NAME, "--dry-run", "--inventory", lab.file)["steps"]

    assert [(step["node"], step["argv"][4:6]) for step in steps] == [
        ("gpu02", ["convert", "--verify"]),
        ("gpu03", ["convert", "--verify"]),
        ("gpu01", ["push_engine", steps[-1]["argv"][5]]),
    ]


def test_down_leaves_nothing_of_engines_and_parts(lab: Lab):
    lab.place_on_head()
    process = lab.controller.start("engines", "push", NAME)
    _wait_until(lambda: lab.part_size("gpu03", "rank2.engine") > MIB)
    process.kill()
    process.communicate()
    for node in NODES:
        _wait_until(lambda node=node: lab.processes(lab.room[node]) == [])
    done = lab("down", "--yes")

    assert done.returncode == 0, done.stderr
    left = {node: lab.room[node].inside("ls", "-A", "/var/tmp") for node in NODES}  # noqa: S108
    assert left == dict.fromkeys(NODES, "")


def _wait_until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not seen():
        assert time.monotonic() < deadline, "never came to be"
        time.sleep(0.02)

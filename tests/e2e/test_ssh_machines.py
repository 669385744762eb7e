"""A cluster of machines that were there before: two users, two ports, one behind a jump host.

The tests are one life of the cluster, in order: up, used, down.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, Done, new_cluster_name
from tests.e2e.machines import SHARED, Machine, Machines, Spec, machines
from tests.e2e.model import built_model

SPECS = (
    Spec("gate", user="ada", port=2222),
    Spec("gpu01"),
    Spec("gpu02", user="ada", port=2022),
    Spec("gpu03", behind="gate"),
)
NODES = ("gpu01", "gpu02", "gpu03")
FRANCE = "What is the capital of France?"
MAX_TOKENS = 16
# Every file and folder that changed after $0 did, but for what the system itself writes.
_CHANGED = """
find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /var/log \\) -prune \
    -o -newer "$0" -print | sort
"""
_MARKER = "/var/log/before"


@dataclass
class Lab:
    """The room, the cluster in it, and what the machines were like before."""

    room: Machines
    controller: Controller
    name: str
    file: Path
    authorized_keys: dict[str, str]

    def __call__(self, *words: object, timeout_s: float = 180) -> Done:
        return self.controller(*words, timeout_s=timeout_s)

    def answer(self, *words: object, timeout_s: float = 180) -> dict[str, Any]:
        """The JSON of one command line that must succeed."""
        done = self(*words, "-o", "json", timeout_s=timeout_s)
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    @property
    def nodes(self) -> list[Machine]:
        return [self.room[name] for name in NODES]

    def folder(self, machine: Machine) -> str:
        """The cluster's folder on a machine."""
        return f"/home/{machine.user}/.clusterkit/{self.name}/{machine.name}"

    def changed(self, machine: Machine) -> list[str]:
        """What is new or different on a machine, outside the cluster's folder and storage."""
        listed = machine.inside("sh", "-c", _CHANGED, _MARKER).splitlines()
        ours = (f"{self.folder(machine)}/", SHARED)
        return [path for path in listed if not path.startswith(ours)]


@pytest.fixture(scope="module")
def lab(
    docker_host: docker.DockerClient,
    model_machine: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    folder, name = tmp_path_factory.mktemp("lab"), new_cluster_name()
    with machines(docker_host, model_machine, folder / "person", *SPECS) as room:
        controller = room.controller(folder / "state", name)
        file = room.describe(folder / "lab.yaml", name, without=("gate",))
        before = {machine.name: machine.authorized_keys() for machine in room.all.values()}
        for machine in room.all.values():
            machine.inside("touch", _MARKER)
        lab = Lab(room, controller, name, file, before)
        try:
            yield lab
        finally:
            controller.close()


def test_up_and_the_second_up_changes_nothing(lab: Lab):
    first = lab.answer("up", lab.file, "--yes")
    second = lab.answer("up", lab.file, "--yes")

    assert (first["nodes"], first["slots"], first["changes"] > 0) == (list(NODES), 6, True)
    assert (second["nodes"], second["slots"], second["changes"], second["steps"]) == (
        list(NODES),
        6,
        0,
        [],
    )
    plan = lab("plan", lab.file, "--exit-code", "-o", "json")
    assert (plan.returncode, json.loads(plan.stdout)["steps"]) == (0, [])


def test_every_slot_has_a_rank_on_its_machine(lab: Lab):
    hello = lab.answer("mpi-hello")

    rows = [(rank["node"], rank["local_rank"], rank["device"]) for rank in hello["ranks"]]
    assert rows == [(name, slot, "cpu") for name in NODES for slot in (0, 1)]
    assert (hello["ok"], hello["problems"]) == (True, [])


def test_commands_run_as_the_user_of_each_machine(lab: Lab):
    done = lab("exec", "@all", "--", "sh", "-c", 'echo "$(hostname) $(id -un) $HOME"')

    assert (done.returncode, done.stdout) == (
        0,
        "--- gpu01\ngpu01 ubuntu /home/ubuntu\n"
        "--- gpu02\ngpu02 ada /home/ada\n"
        "--- gpu03\ngpu03 ubuntu /home/ubuntu\n",
    )


def test_an_exit_code_of_one_machine_is_told(lab: Lab):
    done = lab("exec", "@all", "--", "sh", "-c", '[ "$(hostname)" != gpu02 ]')

    assert done.returncode == 3, done.stdout + done.stderr


def test_a_shell_on_the_machine_behind_the_gate(lab: Lab):
    done = lab("ssh", "gpu03", "--", "hostname", timeout_s=30)

    assert (done.returncode, done.stdout) == (0, "gpu03\n"), done.stderr


def test_files_are_copied_to_and_from_machines(lab: Lab, tmp_path: Path):
    text = "ünï\n" * 1000
    (tmp_path / "there").write_text(text)
    there = lab("cp", tmp_path / "there", "gpu03:/tmp/copied")
    back = lab("cp", "gpu03:/tmp/copied", tmp_path / "back")
    lab.room["gpu03"].inside("rm", "/tmp/copied")  # noqa: S108 - of this machine alone

    assert (there.returncode, back.returncode) == (0, 0), there.stderr + back.stderr
    assert (tmp_path / "back").read_text() == text


def test_status_shows_every_machine(lab: Lab):
    status = lab.answer("status")

    rows = [(node["name"], node["state"], node["address"]) for node in status["nodes"]]
    assert rows == [(machine.name, "up", machine.address) for machine in lab.nodes]


def test_a_model_in_two_halves_on_two_machines_answers_as_one_process(lab: Lab):
    argv = [sys.executable, Path(__file__).with_name("reference.py"), built_model().folder]
    expected = subprocess.run(
        [*argv, str(MAX_TOKENS), FRANCE], capture_output=True, text=True, check=True
    )

    words = ("infer", "--prompt", FRANCE, "--max-tokens", MAX_TOKENS, "--pp", 2)
    result = lab.answer(*words, timeout_s=400)

    assert [answer["token_ids"] for answer in result["answers"]] == json.loads(expected.stdout)
    assert [rank["node"] for rank in result["ranks"]] == ["gpu01", "gpu02"]


def test_a_job_goes_on_without_the_terminal_that_started_it(lab: Lab, tmp_path: Path):
    script = tmp_path / "slow.py"
    script.write_text("import time\n\ntime.sleep(6)\nprint('well')\n")

    job = lab("run", "--detach", "--per-node", 1, script).stdout.strip()
    heard = lab("attach", job)

    lines = sorted(heard.stdout.splitlines())
    assert (heard.returncode, lines) == (0, [f"rank {rank}   | well" for rank in range(3)])
    (row,) = [row for row in lab.answer("jobs")["jobs"] if row["id"] == job]
    assert (row["state"], row["owner"], row["exit_code"]) == ("done", "supervisor", 0)


def test_private_keys_lie_on_the_head_alone(lab: Lab):
    find = 'grep -rlIs "PRIVATE KEY" /home /root /tmp /var /mnt /run /opt/clusterkit/etc; true'
    found = {each.name: each.inside("sh", "-c", find).split() for each in lab.nodes}

    key = f"{lab.folder(lab.room['gpu01'])}/ssh/id_ed25519"
    assert found == {"gpu01": [key], "gpu02": [], "gpu03": []}
    assert lab.room["gpu01"].inside("stat", "-c", "%a %U", key) == "600 ubuntu\n"


def test_nothing_but_one_line_is_changed_outside_the_clusters_folder(lab: Lab):
    marked = {}
    for machine in lab.nodes:
        now = machine.authorized_keys()
        before = lab.authorized_keys[machine.name]
        assert now.endswith(before), machine.name
        marked[machine.name] = now.removesuffix(before)
        ours = {lab.folder(machine), str(Path(lab.folder(machine)).parent)}
        home = f"/home/{machine.user}"
        changed = set(lab.changed(machine)) - ours
        assert changed <= {
            home,
            f"{home}/.clusterkit",
            f"{home}/.ssh",
            f"{home}/.ssh/authorized_keys",
            "/tmp",  # noqa: S108 - its own time; nothing is left in it
        }, machine.name
    assert marked["gpu01"] == ""
    for name in ("gpu02", "gpu03"):
        assert (marked[name].count("\n"), f":{lab.name}:{name}\n" in marked[name]) == (1, True)
    assert lab.changed(lab.room["gate"]) == []


def test_down_leaves_nothing_but_the_models(lab: Lab):
    done = lab("down", "--yes")

    assert done.returncode == 0, done.stderr
    for machine in lab.nodes:
        home = f"/home/{machine.user}"
        assert machine.inside("ls", "-A", home).split() == [
            ".bash_logout",
            ".bashrc",
            ".profile",
            ".ssh",
        ], machine.name
        assert machine.inside("ls", "-A", f"{home}/.ssh").split() == ["authorized_keys"]
        assert machine.authorized_keys() == lab.authorized_keys[machine.name]
        assert machine.inside("stat", "-c", "%a", f"{home}/.ssh/authorized_keys") == "600\n"
        assert machine.inside("sh", "-c", "ls -A /tmp; ls -A /dev/shm") == ""
        assert "clusterkit" not in machine.inside("ps", "-eo", "args")
    assert lab.room["gpu01"].inside("ls", "-A", SHARED) == "clusterkit\n"
    assert lab.room["gpu01"].inside("ls", "-A", f"{SHARED}/clusterkit") == ".proof\nmodels\n"
    left = [path for path in lab.controller.home.rglob("*") if path.is_file()]
    assert [path for path in left if path.parent.name != "audit"] == []


def test_down_without_a_state_finds_the_cluster_by_its_inventory(lab: Lab, tmp_path: Path):
    lab.answer("up", lab.file, "--yes")
    elsewhere = lab.room.controller(tmp_path / "elsewhere")
    done = elsewhere("down", "--inventory", lab.file, "--yes")

    assert done.returncode == 0, done.stderr
    for machine in lab.nodes:
        assert machine.authorized_keys() == lab.authorized_keys[machine.name]
        assert ".clusterkit" not in machine.inside("ls", "-A", f"/home/{machine.user}")

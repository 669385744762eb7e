"""On machines the head's key pair is ours: it is replaced, and all that is theirs stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, new_cluster_name
from tests.e2e.machines import Machines, Spec, machines

SPECS = (Spec("gpu01"), Spec("gpu02", user="ada", port=2022), Spec("gpu03"))


@pytest.fixture(scope="module")
def room(
    docker_host: docker.DockerClient, mpi_machine: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machines]:
    with machines(docker_host, mpi_machine, tmp_path_factory.mktemp("person"), *SPECS) as room:
        yield room


@pytest.fixture(scope="module")
def lab(room: Machines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """A cluster of all machines that is up."""
    name = new_cluster_name()
    controller = room.controller(tmp_path_factory.mktemp("home"), name)
    try:
        file = room.describe(tmp_path_factory.mktemp("lab") / "lab.yaml", name)
        done = controller("up", file, "--yes")
        assert done.returncode == 0, done.stderr
        yield controller
    finally:
        controller.close()


def answer(lab: Controller, *words: str) -> dict[str, Any]:
    done = lab(*words, "-o", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def folder(lab: Controller) -> Path:
    (found,) = (lab.home / "clusters").glob("*/keys")
    return found.parent


def printed(public: str) -> str:
    done = subprocess.run(
        ["ssh-keygen", "-lf", "-"], input=public, capture_output=True, text=True, check=True
    )
    return done.stdout.split()[1]


def home(room: Machines, lab: Controller, name: str) -> str:
    return f"/home/{room[name].user}/.clusterkit/{folder(lab).name}/{name}"


def lines_of_ours(room: Machines, name: str) -> list[str]:
    return [line for line in room[name].authorized_keys().splitlines() if "clusterkit:" in line]


def others(room: Machines) -> dict[str, str]:
    """What is not ours in everybody's authorized_keys."""
    return {
        name: "".join(
            line
            for line in room[name].authorized_keys().splitlines(keepends=True)
            if "clusterkit:" not in line
        )
        for name in room.all
    }


def head_logs_in(room: Machines, lab: Controller) -> None:
    config = f"{home(room, lab, 'gpu01')}/ssh/config"
    for name in ("gpu02", "gpu03"):
        room["gpu01"].inside("ssh", "-F", config, name, "true", user="ubuntu")


def test_the_heads_key_and_the_machines_own_are_shown(room: Machines, lab: Controller) -> None:
    rows = answer(lab, "keys", "show")["keys"]

    key = subprocess.run(
        ["ssh-keygen", "-yf", folder(lab) / "keys" / "head"], capture_output=True, text=True
    ).stdout
    assert [(row["key"], row["node"], row["fingerprint"], row["state"]) for row in rows] == [
        ("head", "gpu01", printed(key), "same"),
        *(("host", name, printed(room[name].host_key()), "same") for name in room.all),
    ]


@pytest.mark.parametrize("steps", [None, 2, 5])
def test_the_heads_key_is_replaced_and_the_old_one_refused(
    room: Machines, lab: Controller, steps: int | None, tmp_path: Path
) -> None:
    """``steps``: killed after so many, and run again."""
    theirs, hosts = others(room), {name: room[name].host_key() for name in room.all}
    old = (folder(lab) / "keys" / "head").read_text()
    before = {name: lines_of_ours(room, name) for name in ("gpu02", "gpu03")}
    if steps:
        process = lab.start("keys", "rotate", "--yes")
        assert process.stderr is not None
        for _ in range(steps):
            assert " … " in process.stderr.readline()
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        head_logs_in(room, lab)
        assert answer(lab, "keys", "show")["rotation"]["keys"] == ["head"]
        head_logs_in(room, lab)

    done = answer(lab, "keys", "rotate", "--yes")

    assert [row["key"] for row in done["rotated"]] == ["head"]
    assert {row["state"] for row in done["keys"]} == {"same"}
    head_logs_in(room, lab)
    after = {name: lines_of_ours(room, name) for name in ("gpu02", "gpu03")}
    assert [len(lines) for lines in after.values()] == [1, 1]
    assert not {line for lines in after.values() for line in lines} & {
        line for lines in before.values() for line in lines
    }
    assert (others(room), {name: room[name].host_key() for name in room.all}) == (theirs, hosts)
    left = room["gpu01"].inside("ls", f"{home(room, lab, 'gpu01')}/ssh").split()
    assert sorted(left) == ["config", "id_ed25519", "known_hosts"]
    key = tmp_path / "old"
    key.write_text(old)
    key.chmod(0o600)
    machine = room["gpu02"]
    place = ("-p", str(machine.port), f"{machine.user}@{machine.host}", "true")
    words = ("-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-F", "none", "-i", str(key))
    refused = room.person.run("ssh", *words, *place)
    assert (refused.returncode, "Permission denied" in refused.stderr) == (255, True)


@pytest.mark.parametrize("only", ["operator", "hosts"])
def test_what_is_theirs_is_not_replaced(lab: Controller, only: str) -> None:
    done = lab("keys", "rotate", "--only", only, "--yes")

    assert done.returncode == 2
    assert "and neither your own keys nor theirs" in done.stderr


def test_a_machine_with_another_host_key_is_told(room: Machines, lab: Controller) -> None:
    known = room.person.known_hosts.read_text()
    line = f"{room['gpu02'].known_as} {room['gpu02'].host_key()}"
    room.person.known_hosts.write_text(
        known.replace(line, f"{room['gpu02'].known_as} {room['gpu03'].host_key()}")
    )
    try:
        done = lab("keys", "show", "-o", "json")
    finally:
        room.person.known_hosts.write_text(known)

    rows = {row["node"]: row for row in json.loads(done.stdout)["keys"] if row["key"] == "host"}
    assert done.returncode == 1
    assert {name: row["state"] for name, row in rows.items()} == {
        "gpu01": "same",
        "gpu02": "differs",
        "gpu03": "same",
    }
    assert "has changed" in rows["gpu02"]["why"]

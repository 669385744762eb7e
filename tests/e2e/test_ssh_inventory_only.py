"""All that is needed stands in the inventory: ~/.ssh has neither a config nor known hosts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import docker

from tests.e2e.controller import new_cluster_name
from tests.e2e.machines import Spec, machines


def test_hosts_users_ports_key_and_jump_come_from_the_inventory(
    docker_host: docker.DockerClient, mpi_machine: str, tmp_path: Path
):
    name = new_cluster_name()
    specs = (
        Spec("gate", user="ada", port=2222),
        Spec("gpu01", user="ada", port=2022),
        Spec("gpu02", behind="gate"),
    )
    with machines(docker_host, mpi_machine, tmp_path / "person", *specs) as room:
        gate, gpu01, gpu02 = room.all.values()
        person = room.person
        person.ssh_config.unlink()
        person.known_hosts.unlink()
        key = person.home / "lab key"  # which the gate is not offered, as ssh would not
        shutil.copy(person.key_file, key)
        nodes = {
            "gpu01": {"host": gpu01.host, "ssh": {"user": "ada", "port": 2022}},
            "gpu02": {
                "host": gpu02.host,
                "ssh": {"user": "ubuntu", "jump": f"ada@{gate.host}:2222"},
            },
        }
        ssh = {"key_file": "~/lab key", "trust": "accept-new"}
        file = room.describe(tmp_path / "lab.yaml", name, nodes=nodes, ssh=ssh)
        controller = room.controller(tmp_path / "state", name)
        try:
            own = person.key_file.rename(person.home / "away")
            keyless = controller("up", file, "--yes")
            own.rename(person.key_file)
            up = controller("up", file, "--yes")
            again = controller("up", file, "--yes", "-o", "json")
            hosts = controller("exec", "@all", "--", "hostname")
            shell = controller("ssh", "gpu02", "--", "hostname", timeout_s=30)
            hello = controller("mpi-hello", "-o", "json")
            pinned = tmp_path / "state/clusters" / name / "pinned_hosts"
            lines = sorted(pinned.read_text().splitlines())
        finally:
            controller.close()
        trusted = sorted(f"{each.known_as} {each.host_key()}" for each in room.all.values())

    assert (keyless.returncode, "Error: " + keyless.stderr.partition("Error: ")[2]) == (
        3,
        "Error: 1 node failed, others succeeded\n"
        f"  gpu02: {gpu02.host} is reached through {gate.host}:2222: "
        f"there is no key to log in to {gate.host}:2222 with.\n"
        "Fix: give one to ssh-agent, or name it: IdentityFile in ~/.ssh/config or, but for a "
        "jump host, `key_file`\n",
    )
    assert (up.returncode, again.returncode) == (0, 0), up.stderr
    assert json.loads(again.stdout)["changes"] == 0
    assert (hosts.returncode, hosts.stdout) == (0, "--- gpu01\ngpu01\n--- gpu02\ngpu02\n")
    assert (shell.returncode, shell.stdout) == (0, "gpu02\n"), shell.stderr
    assert json.loads(hello.stdout)["ok"] is True
    assert lines == trusted
    left = sorted(path.name for path in (tmp_path / "person/.ssh").iterdir())
    assert left == ["id_ed25519", "id_ed25519.pub"]

"""How the head logs in to the other machines, and what is said of those that refuse."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from clusterkit.command import Command, Put, Result
from clusterkit.errors import ClusterkitError, CommandFailed
from clusterkit.providers.ssh.head_login import (
    HeadLogsIn,
    head_files,
    known_hosts,
    no_head_files,
    ssh_config,
)
from clusterkit.tasks.files import Files
from tests.unit.pair import trust
from tests.unit.providers.machines import lab, machine
from tests.unit.tasks.shell import run

CONFIG = """\
Host gpu01
  HostName 10.0.0.11
  User ubuntu
  Port 22
  HostKeyAlias gpu01
Host gpu02
  HostName 10.0.0.12
  User ada
  Port 2022
  HostKeyAlias gpu02
Host gpu03
  HostName 10.0.0.13
  User ubuntu
  Port 22
  HostKeyAlias gpu03
Host *
  IdentityFile /home/ubuntu/.clusterkit/lab/gpu01/ssh/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile /home/ubuntu/.clusterkit/lab/gpu01/ssh/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  PasswordAuthentication no
  BatchMode yes
  ConnectTimeout 10
  # The post-quantum exchange costs several times the CPU; the network is the cluster's own.
  KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256
"""
KNOWN_HOSTS = """\
gpu01 ssh-ed25519 gpu01
gpu02 ssh-ed25519 gpu02
gpu02 ecdsa-sha2-nistp256 gpu02
gpu03 ssh-ed25519 gpu03
"""


def with_two_keys():
    first, second, third = lab().nodes
    assert second.login is not None
    keys = (*second.login.host_keys, "ecdsa-sha2-nistp256 gpu02")
    return lab(nodes=(first, replace(second, login=replace(second.login, host_keys=keys)), third))


def test_the_heads_files():
    cluster, home = with_two_keys(), "/home/ubuntu/.clusterkit/lab/gpu01"

    assert head_files(cluster, trust(cluster)) == Files(
        "gpu01",
        (
            Put(f"{home}/ssh/config", CONFIG.encode()),
            Put(f"{home}/ssh/known_hosts", KNOWN_HOSTS.encode()),
            Put(f"{home}/hostfile", b"gpu01 slots=2\ngpu02 slots=2\ngpu03 slots=2\n"),
            Put(f"{home}/ssh/id_ed25519", b"private head\n", 0o600),
        ),
    )


def test_ssh_reads_it_so(tmp_path: Path):
    file = tmp_path / "config"
    file.write_text(ssh_config(lab()))

    argv = ["ssh", "-G", "-F", str(file), "gpu02"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    settings = dict(line.split(" ", 1) for line in said.splitlines())
    assert {key: settings[key] for key in ("hostname", "user", "port", "hostkeyalias")} == {
        "hostname": "10.0.0.12",
        "user": "ada",
        "port": "2022",
        "hostkeyalias": "gpu02",
    }
    assert (settings["stricthostkeychecking"], settings["identitiesonly"]) == ("true", "yes")


def test_no_other_machine_has_the_private_key():
    assert no_head_files(lab(), machine(2)) == Files(
        "gpu02", (), absent=("/home/ada/.clusterkit/lab/gpu02/ssh/id_ed25519",)
    )


def test_before_the_first_contact_it_says_what_is_not_known():
    node = machine(2, login=None, address=None)
    cluster = lab(nodes=(machine(1), node))

    unknown = "<known after reach>"
    assert f"Host gpu02\n  HostName {unknown}\n  User {unknown}\n" in ssh_config(cluster)
    assert known_hosts(cluster) == f"gpu01 ssh-ed25519 gpu01\ngpu02 {unknown}\n"


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a file NAME is what `ssh` says of a node, which then lets nobody in."""
    programs, answers = tmp_path / "programs", tmp_path / "answers"
    programs.mkdir()
    answers.mkdir()
    (programs / "ssh").write_text(
        f'#!/bin/sh\necho "$@" >>"{tmp_path}/asked"\n'
        f'shift 3\ntest -e "{answers}/$1" || exit 0\ncat "{answers}/$1" >&2\nexit 255\n'
    )
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return answers


def tried() -> Result:
    probe = HeadLogsIn(lab()).probe()
    assert isinstance(probe, Command)
    return run(probe)


def test_every_node_but_the_head_is_tried(ssh: Path, tmp_path: Path):
    assert HeadLogsIn(lab()).plan(tried()).summary == "the head logs in to every node"

    config = "-F /home/ubuntu/.clusterkit/lab/gpu01/ssh/config"
    asked = sorted((tmp_path / "asked").read_text().splitlines())
    assert asked == [f"{config} -- gpu02 true", f"{config} -- gpu03 true"]


AT = "the head, gpu01, cannot log in at"
LISTEN = "Fix: let sshd there listen on the cluster network, and let it through the firewall"


def test_every_node_that_refuses_is_named_with_what_mends_it(ssh: Path):
    (ssh / "gpu02").write_text("ada@10.0.0.12: Permission denied (publickey).\r\n")
    (ssh / "gpu03").write_text("line\tone\nssh: connect to host 10.0.0.13 port 22: timed out\n")

    with pytest.raises(ClusterkitError) as caught:
        HeadLogsIn(lab()).plan(tried())

    assert str(caught.value) == (
        f"gpu02: {AT} 10.0.0.12:2022: ada@10.0.0.12: Permission denied (publickey). "
        "Fix: let sshd there read ~/.ssh/authorized_keys of ada, closed to others\n"
        f"gpu03: {AT} 10.0.0.13:22: line one;ssh: connect to host 10.0.0.13 port 22: timed out. "
        f"{LISTEN}"
    )


def test_a_machine_at_another_ones_address_is_told(ssh: Path):
    (ssh / "gpu03").write_text("@@@@@@@@\n@ WARNING @\nHost key verification failed.\n")

    with pytest.raises(ClusterkitError) as caught:
        HeadLogsIn(lab()).plan(tried())

    assert str(caught.value) == (
        f"gpu03: {AT} 10.0.0.13:22: Host key verification failed. "
        "Fix: correct `address`: another machine, or another sshd, answers there"
    )


def test_one_that_says_nothing(ssh: Path):
    (ssh / "gpu02").touch()

    with pytest.raises(ClusterkitError) as caught:
        HeadLogsIn(lab()).plan(tried())

    assert str(caught.value) == f"gpu02: {AT} 10.0.0.12:2022: no answer. {LISTEN}"


def test_a_head_without_ssh_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    command = HeadLogsIn(lab()).probe()

    with pytest.raises(CommandFailed):
        HeadLogsIn(lab()).plan(Result("gpu01", command, 127, stderr="sh: xargs: not found"))


def test_the_more_nodes_the_longer_it_may_take():
    many = lab(nodes=tuple(machine(1, name=f"n{number}") for number in range(129)))

    assert [HeadLogsIn(cluster).probe().timeout_s for cluster in (lab(), many)] == [50, 110]


def test_in_a_plan_it_is_not_known():
    assert HeadLogsIn(lab()).plan(None).summary == "<known after trust>"

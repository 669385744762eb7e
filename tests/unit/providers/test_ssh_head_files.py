"""How the head logs in to the other machines: files, read by ssh itself."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from clusterkit.command import Put
from clusterkit.providers.ssh.head_files import (
    head_files,
    known_hosts,
    no_head_files,
    ssh_config,
)
from clusterkit.tasks.files import Files
from tests.unit.pair import trust
from tests.unit.providers.machines import lab, machine

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
  IdentityFile "/home/ubuntu/.clusterkit/lab/gpu01/ssh/id_ed25519"
  IdentitiesOnly yes
  UserKnownHostsFile "/home/ubuntu/.clusterkit/lab/gpu01/ssh/known_hosts"
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  PasswordAuthentication no
  BatchMode yes
  ConnectTimeout 8
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

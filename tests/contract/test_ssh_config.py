"""What hosts of a configuration mean is what ssh itself says (`ssh -G`)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from clusterkit.model.imported.found import FoundHost, Remarks
from clusterkit.model.imported.ssh_config import read_ssh_config
from clusterkit.model.source import read_text
from clusterkit.transports.ssh_config import look_up

CONFIG = """\
User first
Include {folder}/more
Host gpu1 gpu2 !gpu2
  HostName %h.example.net
  Port 2201
Host gpu?
  IdentityFile ~/.ssh/lab
  User late
Host gpu2
  Port=2202   # its own
  HostName "gpu2.lan"
Host * !gpu1
  ProxyJump me@bastion:2022
Host x "y"
  IdentityFile "/a b/id"
"""
MORE = "Host gpu1\n  User inner\n  Port 99\n"


def of_ssh(config: Path, host: str) -> dict[str, str]:
    """Host name, user, port, the first key file and the jump host."""
    argv = ["ssh", "-G", "-F", str(config), host]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    values: dict[str, str] = {}
    for line in said.splitlines():
        key, _, value = line.partition(" ")
        values.setdefault(key, value)
    return {key: values.get(key, "") for key in ("hostname", "user", "port", "proxyjump")}


def ours(host: FoundHost) -> dict[str, str]:
    return {
        "hostname": host.host or host.name,
        "user": host.access.user or "",
        "port": str(host.access.port or 22),
        "proxyjump": host.access.jump or "",
    }


@pytest.mark.parametrize("name", ["gpu1", "gpu2", "x", "y"])
def test_hosts_mean_what_ssh_says(tmp_path: Path, name: str) -> None:
    config, remarks = tmp_path / "config", Remarks()
    (tmp_path / "more").write_text(MORE)
    config.write_text(CONFIG.format(folder=tmp_path))

    found = read_ssh_config(str(config), config.read_text(), remarks, look_up, read_text)

    (host,) = [host for host in found.hosts if host.name == name]
    assert ours(host) == of_ssh(config, name)
    assert remarks.mistakes == []

"""A cluster from a ready image, and the run that finds nothing to do, beside docker-compose."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

from bench.lab import HELLO_IMAGE, Lab, free_subnet, lab
from bench.race import Row, Target, race, timed

_SIZES = (2, 4, 8)
_SSHD = """\
HostKey /bench/host_key
AuthorizedKeysFile /bench/authorized_keys
PasswordAuthentication no
UsePAM no
UseDNS no
PidFile none
"""
_COMMAND = "mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f /bench/sshd_config"


def up() -> list[Row]:
    """2, 4 and 8 containers."""
    with lab() as here:
        return [row for count in _SIZES for row in _side_by_side(here, count)]


def _side_by_side(here: Lab, count: int) -> list[Row]:
    def ours() -> Mapping[str, float]:
        name = here.name(f"up{count}")
        file = here.inventory(name, free_subnet(), count=count, slots=1, image=HELLO_IMAGE)
        try:
            return {label: here.clusterkit("up", file, "--yes") for label in ("new", "again")}
        finally:
            here.clusterkit("down", "-c", name, "--yes")

    def compose() -> Mapping[str, float]:
        name = here.name(f"compose{count}")
        file = _compose_file(here.folder / name, free_subnet(), count)
        argv = ["docker-compose", "-p", name, "-f", file]
        try:
            return {label: timed([*argv, "up", "-d"]) for label in ("new", "again")}
        finally:
            timed([*argv, "down", "-v", "-t", "1"])

    seconds = race({"ours": ours, "compose": compose}, runs=10 if count == 2 else 7)
    target = Target("ratio", 1.5)
    labels = {"new": f"up, {count} containers", "again": f"up again, {count} containers"}
    return [
        Row(what, "docker-compose up -d", seconds["ours"][key], seconds["compose"][key], target)
        for key, what in labels.items()
    ]


def _compose_file(folder: Path, subnet: str, count: int) -> Path:
    """The same containers, with an sshd that is configured once and for all."""
    sshd = folder / "sshd"
    sshd.mkdir(parents=True)
    (sshd / "sshd_config").write_text(_SSHD)
    keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]
    subprocess.run([*keygen, sshd / "host_key"], check=True)
    subprocess.run([*keygen, folder / "id"], check=True)
    (sshd / "authorized_keys").write_bytes((folder / "id.pub").read_bytes())
    hosts = list(ip_network(subnet).hosts())[10:]
    services = {
        f"node{number}": {
            "image": HELLO_IMAGE,
            "hostname": f"node{number}",
            "init": True,
            "command": ["sh", "-c", _COMMAND],
            "volumes": ["shared:/shared", f"{sshd}:/bench:ro"],
            "networks": {"cluster": {"ipv4_address": str(hosts[number])}},
        }
        for number in range(1, count + 1)
    }
    networks = {"cluster": {"ipam": {"config": [{"subnet": subnet}]}}}
    project = {
        "version": "2.4",
        "services": services,
        "networks": networks,
        "volumes": {"shared": {}},
    }
    file = folder / "docker-compose.json"
    file.write_text(json.dumps(project))
    return file

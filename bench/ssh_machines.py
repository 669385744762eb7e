"""Containers with sshd that are machines to whoever logs in to them: nothing tells of Docker."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import docker
from docker.types import IPAMConfig, IPAMPool

from bench.lab import HELLO_IMAGE, Lab, free_subnet

_SSHD = """\
HostKey /bench/host_key
AuthorizedKeysFile /bench/id.pub .ssh/authorized_keys
PasswordAuthentication no
StrictModes no
UsePAM no
UseDNS no
PidFile none
"""
_COMMAND = "mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f /bench/sshd_config"


@dataclass(frozen=True, slots=True)
class Machines:
    """The names of their containers, and how they are reached."""

    names: tuple[str, ...]
    addresses: tuple[str, ...]
    subnet: str
    folder: Path

    @property
    def home(self) -> Path:
        """The home folder of a user who knows their host keys."""
        return self.folder / "home"


@contextmanager
def machines(here: Lab, count: int, *, image: str = HELLO_IMAGE) -> Iterator[Machines]:
    """So many machines, which share /shared."""
    subnet, name = free_subnet(), here.name("machines")
    addresses = tuple(str(host) for host in list(ip_network(subnet).hosts())[10 : 10 + count])
    names = tuple(f"{name}-{number}" for number in range(1, count + 1))
    lent = Machines(names, addresses, subnet, here.folder / "machines")
    _keys(lent)
    with ExitStack() as last:
        client = docker.from_env()
        last.callback(client.close)
        pool = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)])
        network = client.networks.create(name, driver="bridge", ipam=pool)
        last.callback(network.remove)
        volume = client.volumes.create(name)
        last.callback(volume.remove)
        for each, address in zip(names, addresses, strict=True):
            container = client.containers.create(
                image,
                ["sh", "-c", _COMMAND],
                name=each,
                init=True,
                network_mode="none",
                volumes=[f"{lent.folder}:/bench:ro", f"{name}:/shared"],
            )
            last.callback(container.remove, force=True)
            client.networks.get("none").disconnect(container)
            network.connect(container, ipv4_address=address)
            container.start()
        yield lent


def _keys(lent: Machines) -> None:
    """One host key for all machines, one key that lets in, and a home that knows the first."""
    known_hosts = lent.home / ".ssh" / "known_hosts"
    known_hosts.parent.mkdir(parents=True)
    for name in ("host_key", "id"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]
        subprocess.run([*keygen, lent.folder / name], check=True)
    key = (lent.folder / "host_key.pub").read_text().strip()
    known_hosts.write_text("".join(f"{address} {key}\n" for address in lent.addresses))
    (lent.folder / "sshd_config").write_text(_SSHD)

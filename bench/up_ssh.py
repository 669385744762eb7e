"""`up` on machines that are reached by SSH: how it grows from 4 of them to 16."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import docker
from docker.types import IPAMConfig, IPAMPool

from bench.lab import CLUSTERKIT, HELLO_IMAGE, PYTHON, Lab, free_subnet, lab
from bench.race import Heat, Row, Target, race, timed

_FEW, _MANY = 4, 16
_RUNS = 7
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
_INVENTORY = """\
cluster: {name}
provider: ssh
runtime: bare
ssh: {{user: root, key_file: "{key_file}"}}
nodes:
{nodes}
network: {{subnet: {subnet}}}
storage: {{kind: bind, path: /shared}}
python: {python}
"""


@dataclass(frozen=True, slots=True)
class _Machines:
    """Containers with sshd, which are machines to clusterkit: it does not know of Docker."""

    addresses: tuple[str, ...]
    subnet: str
    folder: Path

    @property
    def home(self) -> Path:
        """The home folder of a user who knows their host keys."""
        return self.folder / "home"


def up_ssh() -> list[Row]:
    """A cluster on bare machines, new and again; the work of one `up` is done on all at once."""
    with lab() as here, _machines(here, _MANY) as lent:
        seconds = race({str(count): _up(here, lent, count) for count in (_FEW, _MANY)}, runs=_RUNS)
    few, many = seconds[str(_FEW)], seconds[str(_MANY)]
    peer = f"up, {_FEW} machines"
    return [
        Row(f"up, {_MANY} machines by SSH", peer, many["new"], few["new"], Target("ratio", 2.0)),
        Row(
            f"up again, {_MANY} machines by SSH",
            peer,
            many["again"],
            few["again"],
            Target("ratio"),
        ),
    ]


def _up(here: Lab, lent: _Machines, count: int) -> Heat:
    env = {**here.env, "HOME": str(lent.home)}

    def heat() -> Mapping[str, float]:
        name = here.name(f"ssh{count}")
        file = _inventory(lent, name, count)
        try:
            argv = [CLUSTERKIT, "up", file, "--yes"]
            return {label: timed(argv, env=env) for label in ("new", "again")}
        finally:
            timed([CLUSTERKIT, "down", "-c", name, "--yes"], env=env)

    return heat


def _inventory(lent: _Machines, name: str, count: int) -> Path:
    nodes = [
        f'  node{number:02}: {{host: "{address}", address: "{address}", slots: 1}}'
        for number, address in enumerate(lent.addresses[:count], start=1)
    ]
    file = lent.folder / f"{name}.yaml"
    file.write_text(
        _INVENTORY.format(
            name=name,
            key_file=lent.folder / "id",
            nodes="\n".join(nodes),
            subnet=lent.subnet,
            python=PYTHON,
        )
    )
    return file


@contextmanager
def _machines(here: Lab, count: int) -> Iterator[_Machines]:
    subnet, name = free_subnet(), here.name("machines")
    addresses = tuple(str(host) for host in list(ip_network(subnet).hosts())[10 : 10 + count])
    lent = _Machines(addresses, subnet, here.folder / "machines")
    _keys(lent)
    with ExitStack() as last:
        client = docker.from_env()
        last.callback(client.close)
        pool = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)])
        network = client.networks.create(name, driver="bridge", ipam=pool)
        last.callback(network.remove)
        volume = client.volumes.create(name)
        last.callback(volume.remove)
        for number, address in enumerate(addresses, start=1):
            container = client.containers.create(
                HELLO_IMAGE,
                ["sh", "-c", _COMMAND],
                name=f"{name}-{number}",
                init=True,
                network_mode="none",
                volumes=[f"{lent.folder}:/bench:ro", f"{name}:/shared"],
            )
            last.callback(container.remove, force=True)
            client.networks.get("none").disconnect(container)
            network.connect(container, ipv4_address=address)
            container.start()
        yield lent


def _keys(lent: _Machines) -> None:
    """One host key for all machines, one key that lets in, and a home that knows the first."""
    known_hosts = lent.home / ".ssh" / "known_hosts"
    known_hosts.parent.mkdir(parents=True)
    for name in ("host_key", "id"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]
        subprocess.run([*keygen, lent.folder / name], check=True)
    key = (lent.folder / "host_key.pub").read_text().strip()
    known_hosts.write_text("".join(f"{address} {key}\n" for address in lent.addresses))
    (lent.folder / "sshd_config").write_text(_SSHD)

"""Machines that were there before: containers whose sshd, people and host keys are their own.

Each has two networks: an outer one, on which this machine reaches it, and the cluster network,
which only the machines see. One that is ``behind`` another is reached through that one alone.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker

from tests.e2e.controller import Controller
from tests.e2e.networks import Network, network
from tests.e2e.person import Person
from tests.inside import run_inside

SHARED = "/mnt/shared"
"""The folder that all machines share, but for those that have a disk of their own there."""
OTHERS = '# kept by somebody else\n\nfrom="203.0.113.7" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVwVm'
"""What somebody else wrote into every authorized_keys; it ends without a newline on purpose."""
_START_TIMEOUT_S = 30
# ssh-keygen as the package's own set-up, but for RSA, which takes a second.
_START = """
for kind in ed25519 ecdsa; do
    file=/etc/ssh/ssh_host_${kind}_key
    [ -e "$file" ] || ssh-keygen -q -t $kind -N '' -f "$file"
done
exec /usr/sbin/sshd -D -e -p "$0"
"""
_LET_IN = """
umask 077
mkdir -p ~/.ssh && printf '%s' "$0" > ~/.ssh/authorized_keys
"""


@dataclass(frozen=True)
class Spec:
    """What a machine is like. ``image`` overrides that of the lab.

    ``shares_disk``: whether it sees what the others see in :data:`SHARED`. ``disk_size``: all
    that the person's ~/.clusterkit can hold, as Docker writes it. ``options`` are for Docker.
    """

    name: str
    user: str = "ubuntu"
    port: int = 22
    behind: str | None = None
    image: str | None = None
    shares_disk: bool = True
    disk_size: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Machine:
    """One machine. ``host`` is its management address, ``address`` that on the cluster network."""

    spec: Spec
    number: int
    container: Any
    host: str
    address: str

    @property
    def name(self) -> str:
        """As the inventory calls it."""
        return self.spec.name

    @property
    def user(self) -> str:
        """Whom the key lets in."""
        return self.spec.user

    @property
    def port(self) -> int:
        """Where sshd listens."""
        return self.spec.port

    @property
    def known_as(self) -> str:
        """As known_hosts names it here."""
        return _known_as(self.host, self.port)

    @property
    def known_on_cluster(self) -> str:
        """As known_hosts names it on the other machines."""
        return _known_as(self.address, self.port)

    def inside(self, *argv: str, user: str = "root") -> str:
        """What a program prints there; Docker runs it, whatever became of sshd."""
        code, output = run_inside(self.container, *argv, user=user)
        assert code == 0, (self.name, argv, output)
        return output.decode()

    def host_key(self, kind: str = "ed25519") -> str:
        """Type and key, as known_hosts has them."""
        line = self.inside("cat", f"/etc/ssh/ssh_host_{kind}_key.pub")
        return " ".join(line.split()[:2])

    def authorized_keys(self) -> str:
        """The person's file, byte for byte."""
        return self.inside("cat", f"/home/{self.user}/.ssh/authorized_keys")

    def wait_for_log(self, text: str, times: int = 1) -> None:
        """Wait until sshd has said so."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while (log := self.container.logs().decode()).count(text) < times:
            assert time.monotonic() < deadline, f"{self.name}: no `{text}` in:\n{log}"
            time.sleep(0.05)


@dataclass
class Machines:
    """A room of machines and the person who may log in to them."""

    engine: docker.DockerClient
    image: str
    prefix: str
    person: Person
    outer: Network
    cluster: Network
    all: dict[str, Machine] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Machine:
        return self.all[name]

    def inventory(
        self, name: str, *, without: Collection[str] = (), **parts: Any
    ) -> dict[str, Any]:
        """The sections of an inventory of all but some; ``parts`` replace whole sections.

        How to log in is left to ~/.ssh/config, and the addresses are left to be found.
        """
        nodes = {each: {"slots": 2} for each in self.all if each not in without}
        return {
            "cluster": name,
            "provider": "ssh",
            "runtime": "bare",
            "nodes": nodes,
            "network": {"subnet": self.cluster.subnet},
            "storage": {"kind": "bind", "path": SHARED},
            "python": "/opt/clusterkit/bin/python",
        } | parts

    def describe(self, file: Path, name: str, **parts: Any) -> Path:
        """Write such an inventory."""
        file.write_text(json.dumps(self.inventory(name, **parts), indent=2))  # which is YAML
        return file

    def controller(self, home: Path, *clusters: str) -> Controller:
        """clusterkit in the hands of the person."""
        return Controller(
            home, None, set(clusters), before=self.person.before, variables=self.person.variables
        )

    def know_hosts(self) -> None:
        """Write known_hosts anew, with the keys that the machines have now."""
        lines = [f"{each.known_as} {each.host_key()}\n" for each in self.all.values()]
        self.person.known_hosts.write_text("".join(lines))

    def configure_ssh(self) -> None:
        """Write ~/.ssh/config: each machine by its name, through another where it is behind it."""
        blocks = []
        for each in self.all.values():
            jump = f"  ProxyJump {each.spec.behind}\n" if each.spec.behind else ""
            blocks.append(
                f"Host {each.name}\n  HostName {each.host}\n  Port {each.port}\n"
                f"  User {each.user}\n  IdentityFile ~/.ssh/id_ed25519\n{jump}\n"
            )
        blocks.append("Host *\n  UpdateHostKeys no\n")  # known_hosts stays as it was written
        self.person.ssh_config.write_text("".join(blocks))


@contextlib.contextmanager
def machines(
    engine: docker.DockerClient, image: str, folder: Path, *specs: Spec
) -> Iterator[Machines]:
    """Run machines until the end of the context; the person knows them all, by name.

    A machine that others are ``behind`` comes before them.
    """
    prefix = f"ckm-{secrets.token_hex(4)}"
    person = Person.new(folder)
    with contextlib.ExitStack() as stack:
        outer = stack.enter_context(network(engine, f"{prefix}-outer", from_here=True))
        cluster = stack.enter_context(network(engine, f"{prefix}-cluster", from_here=False))
        hidden = None
        if any(spec.behind for spec in specs):
            hidden = stack.enter_context(network(engine, f"{prefix}-hidden", from_here=False))
        shared = engine.volumes.create(f"{prefix}-shared")
        stack.callback(shared.remove, force=True)
        made = Machines(engine, image, prefix, person, outer, cluster)
        doors = {spec.behind for spec in specs}
        for number, spec in enumerate(specs, 1):
            reached_on = hidden if spec.behind and hidden else outer
            places = [reached_on, cluster]
            if number % 2 == 0:
                places.reverse()  # so that eth0 is another network here than there
            if hidden and spec.name in doors:
                places.append(hidden)
            container = _created(made, spec, first=places[0].network)
            stack.callback(container.remove, force=True, v=True)
            places[0].disconnect(container)  # which `create` connected, at an address of its own
            places[0].connect(container, number)
            container.start()
            for place in places[1:]:  # in this order, where Docker would take that of their names
                place.connect(container, number)
            made.all[spec.name] = Machine(
                spec, number, container, reached_on.address(number), cluster.address(number)
            )
        for machine in made.all.values():
            _let_in(machine, person)
        made.know_hosts()
        made.configure_ssh()
        yield made


def _known_as(host: str, port: int) -> str:
    return host if port == 22 else f"[{host}]:{port}"


def _created(lab: Machines, spec: Spec, *, first: Any) -> Any:
    disks = {f"{lab.prefix}-shared": {"bind": SHARED, "mode": "rw"}} if spec.shares_disk else {}
    small = {}
    if spec.disk_size:
        owner = 1001 if spec.user == "ada" else 1000
        small[f"/home/{spec.user}/.clusterkit"] = (
            f"size={spec.disk_size},uid={owner},gid={owner},mode=755"
        )
    options = dict(spec.options)
    disks |= options.pop("volumes", {})
    return lab.engine.containers.create(
        spec.image or lab.image,
        ["sh", "-c", _START, str(spec.port)],
        name=f"{lab.prefix}-{spec.name}",
        hostname=spec.name,
        init=True,
        network=first.name,
        volumes=disks,
        tmpfs=small,
        **options,
    )


def _let_in(machine: Machine, person: Person) -> None:
    machine.wait_for_log(f"Server listening on 0.0.0.0 port {machine.port}.")
    machine.inside("mkdir", "-p", SHARED)
    machine.inside("chmod", "1777", SHARED)
    keys = f"{person.public_key}{OTHERS}"
    machine.inside("sh", "-c", _LET_IN, keys, user=machine.user)

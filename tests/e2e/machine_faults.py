"""What goes wrong with machines: made from outside, and mended at the end of each context."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from tests.e2e.machines import Machine, Machines

UNKNOWN_NAME = "no-such-machine.invalid"
"""A name that resolves nowhere, by the standard."""
_CLOCK_FILE = "/etc/ssh/sshd_config.d/clock.conf"
_FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def change_host_keys(machine: Machine) -> None:
    """Make the machine's host keys anew, as an installation from scratch does."""
    for kind in ("ed25519", "ecdsa"):
        file = f"/etc/ssh/ssh_host_{kind}_key"
        machine.inside("rm", file, f"{file}.pub")
        machine.inside("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", file)
    reload_sshd(machine)


def reload_sshd(machine: Machine) -> None:
    """Let sshd read its configuration and its host keys again; logins that are open stay."""
    listening = f"Server listening on 0.0.0.0 port {machine.port}."
    times = machine.container.logs().decode().count(listening)
    machine.inside("sh", "-c", "kill -HUP $(cat /run/sshd.pid)")
    machine.wait_for_log(listening, times + 1)


@contextlib.contextmanager
def firewall(room: Machines, machine: Machine, *, to: Machine) -> Iterator[None]:
    """Drop every new connection from ``machine`` to another on the cluster network.

    The other direction stays open, and so do connections that are open already.
    """
    rule = ("OUTPUT", "-d", to.address, "-p", "tcp", "--syn", "-j", "DROP")
    with _rule(room, machine, *rule):
        yield


@contextlib.contextmanager
def silent(room: Machines, machine: Machine) -> Iterator[None]:
    """Drop what comes to the machine's sshd: whoever connects waits for an answer."""
    with _rule(room, machine, "INPUT", "-p", "tcp", "--dport", str(machine.port), "-j", "DROP"):
        yield


@contextlib.contextmanager
def _rule(room: Machines, machine: Machine, *rule: str) -> Iterator[None]:
    network_admin(room, machine, "iptables", "-A", *rule)
    try:
        yield
    finally:
        network_admin(room, machine, "iptables", "-D", *rule)


def network_admin(room: Machines, machine: Machine, *argv: str) -> None:
    """Run a program beside the machine, in its network, with the right to change that."""
    room.engine.containers.run(
        machine.container.image.id,
        list(argv),
        network_mode=f"container:{machine.container.id}",
        cap_add=["NET_ADMIN"],
        remove=True,
    )


def add_docker0(room: Machines) -> None:
    """Give every machine a ``docker0`` with one and the same address, as Docker does."""
    script = (
        "ip link add docker0 type bridge && ip addr add 172.17.0.1/16 dev docker0"
        " && ip link set docker0 up"
    )
    for machine in room.all.values():
        network_admin(room, machine, "sh", "-c", script)


@contextlib.contextmanager
def clock_off(machine: Machine, by: str = "+2m") -> Iterator[None]:
    """Let every new login see a clock that is off."""
    script = 'printf "SetEnv LD_PRELOAD=%s FAKETIME=%s\\n" "$0" "$1" > "$2"'
    machine.inside("sh", "-c", script, _FAKETIME, by, _CLOCK_FILE)
    reload_sshd(machine)
    try:
        yield
    finally:
        machine.inside("rm", _CLOCK_FILE)
        reload_sshd(machine)


@contextlib.contextmanager
def frozen(machine: Machine) -> Iterator[None]:
    """Stop sshd and all it started: connections are taken, and nothing is ever said."""
    machine.inside("pkill", "-STOP", "sshd")
    try:
        yield
    finally:
        machine.inside("pkill", "-CONT", "sshd")


@contextlib.contextmanager
def cut_off(room: Machines, machine: Machine) -> Iterator[None]:
    """Take the machine off the cluster network; its management address stays."""
    room.cluster.disconnect(machine.container)
    try:
        yield
    finally:
        room.cluster.connect(machine.container, machine.number)


@contextlib.contextmanager
def full_disk(machine: Machine) -> Iterator[None]:
    """Leave no free byte where the person's ~/.clusterkit lies, which has a ``disk_size``."""
    file = f"/home/{machine.user}/.clusterkit/all-of-it"
    machine.inside("sh", "-c", 'cat /dev/zero > "$0" 2>/dev/null; true', file, user=machine.user)
    try:
        yield
    finally:
        machine.inside("rm", file)


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port of 127.0.0.1 on which nobody listens, and that nobody else takes meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A port of 127.0.0.1 that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]

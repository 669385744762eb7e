"""Links of machines on the cluster network that carry only so much, shaped from outside."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.e2e.machine_faults import network_admin
from tests.e2e.machines import Machine, Machines

_BURST = "256kb"  # several of the largest packets that the kernel hands over at once


@contextlib.contextmanager
def slow_links(room: Machines, *, mbit: int) -> Iterator[None]:
    """Let every machine send so many bits a second to the others, and so none gets more."""
    shaped: list[Machine] = []
    try:
        for machine in room.all.values():
            tbf = ("tbf", "rate", f"{mbit}mbit", "burst", _BURST, "latency", "50ms")
            _qdisc(room, machine, "replace", *tbf)
            shaped.append(machine)
        yield
    finally:
        for machine in shaped:
            _qdisc(room, machine, "del")


def _qdisc(room: Machines, machine: Machine, *words: str) -> None:
    verb, *rest = words
    device = _device(machine)
    network_admin(room, machine, "tc", "qdisc", verb, "dev", device, "root", *rest)


def _device(machine: Machine) -> str:
    """Its interface on the cluster network."""
    lines = machine.inside("ip", "-o", "-4", "addr").splitlines()
    return next(line.split()[1] for line in lines if f" {machine.address}/" in line)

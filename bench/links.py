"""Give containers the links of a slow network: so many bits a second each way, shaped by tbf."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import docker

_BURST = "256kb"  # several of the largest packets that the kernel hands over at once
_QUEUE = "50ms"


@contextmanager
def shaped(names: Sequence[str], *, mbit: int) -> Iterator[None]:
    """Shape what each container sends, inside, and what it gets, at the other end of its cable.

    From outside of the containers, which may not do so: as root on the machine of the engine.
    """
    client = docker.from_env()
    ends: list[tuple[str, ...]] = []
    try:
        for name in names:
            pid = client.containers.get(name).attrs["State"]["Pid"]
            inside = ("nsenter", "-t", str(pid), "-n")
            ends += [(*inside, "eth0"), (_peer(pid),)]
        for *into, device in ends:
            rate = ("rate", f"{mbit}mbit", "burst", _BURST, "latency", _QUEUE)
            _run(*into, "tc", "qdisc", "replace", "dev", device, "root", "tbf", *rate)
        yield
    finally:
        for *into, device in ends:
            subprocess.run(
                [*into, "tc", "qdisc", "del", "dev", device, "root"], capture_output=True
            )
        client.close()


def _peer(pid: int) -> str:
    """The name of the machine's end of a container's cable."""
    index = _run("nsenter", "-t", str(pid), "-n", "ip", "-o", "link", "show", "eth0")
    number = index.partition("@if")[2].partition(":")[0]
    for line in _run("ip", "-o", "link").splitlines():
        if line.startswith(f"{number}: "):
            return line.split()[1].partition("@")[0].rstrip(":")
    raise LookupError(f"no device {number} on this machine: is its Docker engine elsewhere?")


def _run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

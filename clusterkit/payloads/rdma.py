"""The RDMA devices of this node, as its kernel shows them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

# pathlib costs a start 10 ms, and a job's start waits for this.
# ruff: noqa: PTH118, PTH208


class Port(NamedTuple):
    """One port of a device, and the device's folder."""

    device: str
    number: int
    folder: str

    def __str__(self) -> str:
        return f"{self.device}:{self.number}"

    def read(self, name: str) -> str:
        """What the kernel says of it."""
        return _read(os.path.join(self.folder, "ports", str(self.number), name))

    def interfaces(self) -> list[str]:
        """RoCE's are named by its GIDs; InfiniBand's have the port's number, from 0."""
        gids = os.path.join(self.folder, "ports", str(self.number), "gid_attrs/ndevs")
        named = [
            self.read(f"gid_attrs/ndevs/{index}") for index in sorted(_entries(gids), key=int)
        ]
        beside = os.path.join(self.folder, "device/net")
        numbered = [
            name
            for name in _entries(beside)
            if int(_read(os.path.join(beside, name, "dev_port")) or 0) == self.number - 1
        ]
        return list(dict.fromkeys(filter(None, [*named, *numbered])))


def ports(root: str = "/") -> Iterator[Port]:
    """Every port of every device. ``root`` is where /sys and /dev are."""
    devices = os.path.join(root, "sys/class/infiniband")
    for device in _entries(devices):
        folder = os.path.join(devices, device)
        for number in _entries(os.path.join(folder, "ports")):
            yield Port(device, int(number), folder)


def active_ports(root: str = "/") -> Iterator[Port]:
    """Those whose link is up."""
    return (port for port in ports(root) if port.read("state").endswith("ACTIVE"))


def port_of(interface: str, root: str = "/") -> str | None:
    """The port, such as ``mlx5_0:1``, through which ``interface`` leads; None: it has no RDMA."""
    found = (port for port in active_ports(root) if interface in port.interfaces())
    return next(map(str, found), None)


def is_usable(port: str, root: str = "/") -> bool:
    """Whether a program may open the port's device: a container has only what it was given."""
    device = port.partition(":")[0]
    verbs = os.path.join(root, "sys/class/infiniband_verbs")
    return any(
        _read(os.path.join(verbs, name, "ibdev")) == device
        and os.access(os.path.join(root, "dev/infiniband", name), os.R_OK | os.W_OK)
        for name in _entries(verbs)
    )


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # no such device, or no such kind of device
        return []


def _read(path: str) -> str:
    try:
        with open(path) as file:  # noqa: PTH123
            return file.read().strip()
    except OSError:  # a GID that is not set cannot be read
        return ""

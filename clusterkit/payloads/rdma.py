"""The RDMA devices of this node, as its kernel shows them."""

from __future__ import annotations

import os
from collections.abc import Iterator

# pathlib costs a start 10 ms, and a job's start waits for this.
# ruff: noqa: PTH118, PTH208


def port_of(interface: str, root: str = "/") -> str | None:
    """The port, such as ``mlx5_0:1``, through which ``interface`` leads; None: it has no RDMA."""
    return next(
        (port for port in active_ports(root) if interface in _interfaces(port, root)), None
    )


def active_ports(root: str = "/") -> Iterator[str]:
    """Every port whose link is up."""
    devices = os.path.join(root, "sys/class/infiniband")
    for device in _entries(devices):
        for number in _entries(os.path.join(devices, device, "ports")):
            state = _read(os.path.join(devices, device, "ports", number, "state"))
            if state.endswith("ACTIVE"):
                yield f"{device}:{number}"


def is_usable(port: str, root: str = "/") -> bool:
    """Whether a program may open the port's device: a container has only what it was given."""
    device = port.partition(":")[0]
    verbs = os.path.join(root, "sys/class/infiniband_verbs")
    return any(
        _read(os.path.join(verbs, name, "ibdev")) == device
        and os.access(os.path.join(root, "dev/infiniband", name), os.R_OK | os.W_OK)
        for name in _entries(verbs)
    )


def _interfaces(port: str, root: str) -> Iterator[str]:
    """The interfaces of a port: of an InfiniBand device by its bus, of RoCE by its GIDs."""
    device, _, number = port.partition(":")
    nets = os.path.join(root, "sys/class/net")
    for name in _entries(nets):
        if device in _entries(os.path.join(nets, name, "device/infiniband")):
            first = _read(os.path.join(nets, name, "dev_port")) or "0"
            if int(first) + 1 == int(number):
                yield name
    gids = os.path.join(root, "sys/class/infiniband", device, "ports", number, "gid_attrs/ndevs")
    for index in _entries(gids):
        yield _read(os.path.join(gids, index))


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

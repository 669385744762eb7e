"""This node's addresses and interfaces, and a free port."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterable, Iterator
from typing import Tuple  # noqa: UP035 - see Address

from clusterkit.payloads.interfaces import interface_addresses

Address = Tuple[str, str]  # noqa: UP006 - evaluated, on Python 3.8 too
"""An interface and one of its addresses."""

FOREIGN = (
    *("docker", "podman", "lxc", "lxd", "cni", "cali", "flannel", "veth"),
    *("virbr", "vnet", "tun", "tap"),
)
"""How the names of interfaces begin that other software makes for itself: containers, virtual
machines, tunnels. Their addresses say nothing about the way to other nodes."""
_BRIDGE = "br-"  # of a network of Docker's, unless the machine itself has its address there
_LOOPBACK = "lo"


def interface_of(
    subnet: str | None, address: str | None, found: Iterable[Address] | None = None
) -> str:
    """The interface that holds ``address``, or any in ``subnet``; `lo` where there is no subnet.

    ``found`` None: this node's own. Bridges of Docker and the like are never taken.

    Raises:
        LookupError: If there is none, with those that the node has.
    """
    if subnet is None:
        return _LOOPBACK
    here = list(addresses() if found is None else found)
    for name, each in within(subnet, here):
        if address in (None, each) and not is_foreign(name, holds_address=each == address):
            return name
    raise LookupError(_none(subnet, address, here))


def within(subnet: str, found: Iterable[Address]) -> list[Address]:
    """Those of ``found`` whose address is in ``subnet``."""
    network = ipaddress.ip_network(subnet, strict=False)
    return [(name, each) for name, each in found if ipaddress.ip_address(each) in network]


def is_foreign(name: str, *, holds_address: bool) -> bool:
    """Whether an interface leads to no other node; ``holds_address``: it has the node's own."""
    if name.startswith(_BRIDGE):
        return not holds_address
    is_tunnel = os.path.exists(f"/sys/class/net/{name}/tun_flags")  # noqa: PTH110 - starts sooner
    return name == _LOOPBACK or name.startswith(FOREIGN) or is_tunnel


def source_near(address: str, found: Iterable[Address]) -> str | None:
    """The address from which the kernel would send to a neighbour of ``address``."""
    own = {each for _, each in found}
    here = ipaddress.ip_address(address)
    other = next(str(here + step) for step in (1, -1, 2, -2, 3) if str(here + step) not in own)
    with socket.socket(_family(address), socket.SOCK_DGRAM) as asked:
        try:
            asked.connect((other, 9))  # which sends nothing
        except OSError:  # there is no way
            return None
        return str(asked.getsockname()[0])


def hold_free_port(address: str) -> socket.socket:
    """A socket that keeps a port of ``address`` taken until it is closed."""
    held = socket.socket(_family(address))
    held.bind((address, 0))
    return held


def addresses() -> Iterator[Address]:
    """Every interface with each of its addresses."""
    return ((name, address) for name, address, _ in interface_addresses())


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _none(subnet: str, address: str | None, found: list[Address]) -> str:
    """That no interface fits, with what there is; addresses of one link only say nothing."""
    shown = [
        f"{name} {each}{' (never used)' * is_foreign(name, holds_address=each == address)}"
        for name, each in found
        if name != _LOOPBACK and not ipaddress.ip_address(each).is_link_local
    ]
    wanted = f"{address} of the cluster network {subnet}" if address else f"an address in {subnet}"
    has = ", ".join(shown) or "none but the loopback"
    return (
        f"no interface has {wanted}; it has {has}. "
        "Fix: correct `network.subnet` or the node's `address` in the inventory"
    )

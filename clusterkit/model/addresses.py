"""The cluster network's subnet, and an address of it for each node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Annotated

from pydantic import AfterValidator

from clusterkit.model.mistakes import mistake

SMALLEST_PREFIX, LARGEST_PREFIX = 8, 29
"""The sizes of subnets that can be a cluster network."""
FIRST = 11
"""Nodes without an address are numbered from here: the low ones are left to other machines."""


def _subnet(text: str) -> str:
    try:
        subnet = IPv4Network(text, strict=False)
    except ValueError:
        raise mistake(f"`{text}` is not an IPv4 subnet", "write 192.168.123.0/24") from None
    if "/" not in text or not SMALLEST_PREFIX <= subnet.prefixlen <= LARGEST_PREFIX:
        raise mistake(f"`{text}` has no size from /8 to /29", "write 192.168.123.0/24")
    if str(subnet) != text:
        raise mistake(f"`{text}` does not begin at its first address", f"write {subnet}")
    return text


Subnet = Annotated[str, AfterValidator(_subnet)]
"""A subnet that begins at its first address."""


def reserved(subnet: IPv4Network) -> dict[IPv4Address, str]:
    """The addresses of a subnet that no node can have, and why."""
    return {
        subnet.network_address: "the address of the subnet itself",
        subnet.broadcast_address: "the subnet's broadcast address",
        subnet.network_address + 1: "the subnet's gateway",
    }


def assign(
    nodes: Sequence[str], given: Mapping[str, IPv4Address], subnet: IPv4Network
) -> dict[str, IPv4Address]:
    """An address for every node; a node for which none is left is not in the answer.

    A node's place in the inventory decides its address, so adding a node at the end changes no
    other.
    """
    taken = {*given.values(), *reserved(subnet)}
    addresses = dict(given)
    room = subnet.num_addresses
    for index, node in enumerate(nodes):
        if node in given:
            continue
        # Only as many as the nodes can have taken need be tried, also in a subnet of millions.
        for step in range(min(room, len(taken) + 1)):
            address = subnet.network_address + (FIRST + index + step) % room
            if address not in taken:
                taken.add(address)
                addresses[node] = address
                break
    return addresses


_LONGEST_PREFIX, _SHORTEST_PREFIX = 24, 16


def common_subnet(addresses: Iterable[str]) -> str | None:
    """The smallest subnet, from /24 to /16, that has all of these; None if there is none.

    It is a guess: an address does not tell its prefix. What is no IPv4 address tells nothing.
    """
    found = list(addresses)
    try:
        numbers = [IPv4Address(address) for address in found]
    except AddressValueError:
        return None
    if not numbers or any(number.is_loopback for number in numbers):
        return None
    for prefix in range(_LONGEST_PREFIX, _SHORTEST_PREFIX - 1, -1):
        subnet = IPv4Network((numbers[0], prefix), strict=False)
        if all(number in subnet for number in numbers):
            return str(subnet)
    return None


def is_ipv4(text: str) -> bool:
    """Whether this is an IPv4 address, and no name."""
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True

"""This node's addresses and interfaces, and a free port."""

from __future__ import annotations

import array
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator

from clusterkit.payloads.processes import read

_SIOCGIFCONF = 0x8912
_ROOM_BYTES = 1 << 16
_ENTRY_BYTES = 40  # struct ifreq on 64-bit Linux: a name of 16 bytes, then the address


def interface_of(subnet: str | None, address: str | None) -> str:
    """The interface that holds ``address``, or any in ``subnet``; `lo` where there is no subnet.

    Raises:
        LookupError: If no interface has such an address.
    """
    if subnet is None:
        return "lo"
    network = ipaddress.ip_network(subnet, strict=False)
    inside = {
        found: name for name, found in _addresses() if ipaddress.ip_address(found) in network
    }
    if not inside:
        raise LookupError(f"no interface of this node has an address in {subnet}")
    return inside.get(address or "", next(iter(inside.values())))


def hold_free_port(address: str) -> socket.socket:
    """A socket that keeps a port of ``address`` taken until it is closed."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    held = socket.socket(family)
    held.bind((address, 0))
    return held


def _addresses() -> Iterator[tuple[str, str]]:
    room = array.array("B", bytes(_ROOM_BYTES))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        where = struct.pack("iL", _ROOM_BYTES, room.buffer_info()[0])
        used = struct.unpack("iL", fcntl.ioctl(any_socket.fileno(), _SIOCGIFCONF, where))[0]
    entries = room.tobytes()
    for start in range(0, used, _ENTRY_BYTES):
        name = entries[start : start + 16].split(b"\0", 1)[0].decode()
        yield name.partition(":")[0], socket.inet_ntoa(entries[start + 20 : start + 24])
    for line in read("/proc/net/if_inet6").decode().splitlines():
        digits, *_, name = line.split()
        yield name, str(ipaddress.ip_address(bytes.fromhex(digits)))

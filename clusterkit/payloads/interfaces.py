"""The addresses of this machine's interfaces, as its kernel has them: no program, no rights."""

from __future__ import annotations

import array
import fcntl
import ipaddress
import os
import socket
import struct
from typing import Iterator  # noqa: UP035 - sent to machines alone, for Python 3.8 too

_SIOCGIFCONF, _SIOCGIFNETMASK = 0x8912, 0x891B
_ROOM_BYTES = 1 << 16
_ENTRY_BYTES = 40  # struct ifreq on 64-bit Linux: a name of 16 bytes, then the address
_IPV6 = "/proc/net/if_inet6"  # which a kernel without IPv6 does not have


def interface_addresses() -> Iterator[tuple[str, str, int]]:
    """Interface, address and length of its prefix; those of IPv4 come first."""
    room = array.array("B", bytes(_ROOM_BYTES))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        where = struct.pack("iL", _ROOM_BYTES, room.buffer_info()[0])
        used = struct.unpack("iL", fcntl.ioctl(any_socket, _SIOCGIFCONF, where))[0]
        for start in range(0, used, _ENTRY_BYTES):
            entry = room[start : start + _ENTRY_BYTES].tobytes()
            name = entry[:16].split(b"\0", 1)[0].decode().partition(":")[0]
            try:  # asked with the address: each of one interface may have a prefix of its own
                mask = fcntl.ioctl(any_socket, _SIOCGIFNETMASK, entry)[20:24]
            except OSError:  # it is gone meanwhile, as those of containers may be
                continue
            prefix = bin(int.from_bytes(mask, "big")).count("1")
            yield name, socket.inet_ntoa(entry[20:24]), prefix
    for row in _rows(_IPV6):
        digits, _, length, _, _, name = row.split()
        yield name, str(ipaddress.ip_address(bytes.fromhex(digits))), int(length, 16)


def _rows(path: str) -> list[str]:
    if not os.path.exists(path):  # noqa: PTH110 - pathlib costs a start 10 ms
        return []
    with open(path) as file:  # noqa: PTH123
        return file.read().splitlines()

"""Which sockets listen on this node, and whose they are."""

from __future__ import annotations

import ipaddress
import os
import re
import struct

_LISTENS = "0A"
_SOCKET = re.compile(r"socket:\[(\d+)\]")


def listening(table: str) -> dict[str, str]:
    """The inode of each socket that listens, and where, of ``/proc/net/tcp`` or ``tcp6``."""
    found = {}
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTENS:
            address, _, port = fields[1].partition(":")
            found[fields[9]] = _written(_address(address), int(port, 16))
    return found


def sockets_of(pid: int) -> list[str]:
    """The inodes of the sockets that a process has open."""
    found = []
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208 - pathlib costs its start 10 ms
    except OSError:
        return []
    for name in names:
        try:
            match = _SOCKET.fullmatch(os.readlink(f"{folder}/{name}"))  # noqa: PTH115
        except OSError:
            continue
        if match:
            found.append(match.group(1))
    return found


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The kernel prints words of 32 bits, each in this machine's own order of bytes."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    return ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))


def _written(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"

"""Find out which way MPI's messages go, by what the kernel knows of this process's connections."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusterkit.payloads.addresses import addresses

if TYPE_CHECKING:
    from mpi4py import MPI

_ESTABLISHED = "01"


def exchange_between_nodes(world: MPI.Comm, node: str) -> bool:
    """Send a message to a rank of the next node, and take those that come; False: one node.

    Open MPI connects two ranks when the first message goes between them.
    """
    nodes = world.allgather(node)
    names = list(dict.fromkeys(nodes))
    ranks = {name: [rank for rank, at in enumerate(nodes) if at == name] for name in names}
    if len(names) == 1:
        return False
    here = names.index(node)
    own = ranks[node].index(world.rank)
    behind, ahead = ranks[names[here - 1]], ranks[names[(here + 1) % len(names)]]
    sent = world.isend(own, dest=ahead[own % len(ahead)], tag=1)
    for place, rank in enumerate(behind):
        if place % len(ranks[node]) == own:
            world.recv(source=rank, tag=1)
    sent.wait()
    world.barrier()
    return True


def ways() -> list[dict[str, str]]:
    """Interface and own address of every TCP connection of this process to another machine."""
    own = {address: name for name, address in addresses()}
    sockets = _inodes()
    found = {
        local
        for table in ("tcp", "tcp6")
        for local, remote, inode in _connections(table)
        if inode in sockets and remote not in own
    }
    return [{"interface": own.get(each, "?"), "address": each} for each in sorted(found)]


def _inodes() -> set[str]:
    """The sockets of this process."""
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - links whose targets are no files
        try:
            target = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
        except OSError:  # that of the listing itself
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def _connections(table: str) -> Iterator[tuple[str, str, str]]:
    """Own address, peer's address and inode of every connection of this machine."""
    path = Path("/proc/self/net", table)
    if not path.exists():  # a kernel without IPv6
        return
    for row in path.read_text().splitlines()[1:]:
        _, local, remote, state, *rest = row.split()
        if state == _ESTABLISHED:
            yield _address(local), _address(remote), rest[5]


def _address(text: str) -> str:
    """``0B00000A:1F90`` is 10.0.0.11: words of four bytes, in the order of this machine."""
    digits = text.partition(":")[0]
    words = [bytes.fromhex(digits[start : start + 8])[::-1] for start in range(0, len(digits), 8)]
    address: Any = ipaddress.ip_address(b"".join(words))
    return str(getattr(address, "ipv4_mapped", None) or address)

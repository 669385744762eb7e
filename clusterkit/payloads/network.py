"""Pin every kind of traffic between nodes to the cluster network, by this node's own names."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from clusterkit.payloads import rdma
from clusterkit.payloads.addresses import (
    Address,
    addresses,
    interface_of,
    is_foreign,
    source_near,
    within,
)

_ENOUGH_MEMLOCK_BYTES = 1 << 30
BTL_PIN = "OMPI_MCA_btl_tcp_if_include"
"""What pins MPI's own messages; Open MPI matches a name exactly."""


class Network(NamedTuple):
    """The interface of the cluster network, what ranks need to be told, and what a user should."""

    interface: str
    env: dict[str, str]
    notes: list[str]


def network_of(
    subnet: str | None,
    address: str | None,
    given: Mapping[str, str],
    *,
    here: Sequence[Address] | None = None,
    root: str = "/",
) -> Network:
    """The variables of this node's ranks; what is ``given`` by the user wins, and is told.

    NCCL_IB_DISABLE stays as it is: where the interface has no RDMA, NCCL may still find the
    GPUs' own adapters on another network, and where there are none, it looks in vain.

    ``here`` None: this node's addresses.

    Raises:
        LookupError: If this node has no interface in ``subnet``, or its way there is another.
    """
    here = list(addresses()) if here is None else here
    interface = interface_of(subnet, address, here)
    port = rdma.port_of(interface, root) if subnet else None
    has_verbs = port is not None and rdma.is_usable(port, root)
    notes = _detour(subnet, interface, here) if subnet else []
    notes += _rdma_notes(interface, port, root, has_verbs=has_verbs) if port else []
    wanted = {
        "GLOO_SOCKET_IFNAME": interface,
        "NCCL_SOCKET_IFNAME": f"={interface}",  # alone it would mean eth00 as well
        "TP_SOCKET_IFNAME": interface,
    }
    if subnet is not None:
        wanted["UCX_NET_DEVICES"] = port if port and has_verbs else interface
        if len({name for name, _ in within(subnet, here)}) > 1:  # mpirun's subnet means each
            wanted[BTL_PIN] = interface
    if port and has_verbs:
        wanted["NCCL_IB_HCA"] = f"={port}"
    given = {**_nccl_conf(given, root), **given}
    env = {name: given.get(name) or value for name, value in wanted.items()}
    if given.get(BTL_PIN):  # mpirun's own word would win over that of a node
        env[BTL_PIN] = given[BTL_PIN]
    for name, value in env.items():
        if given.get(name) and value != wanted.get(name):
            instead = wanted.get(name, subnet or interface)
            notes.append(f"{name}={value} is set there, and is used in place of {instead}")
    return Network(interface, env, notes)


def memlock_bytes() -> int | None:
    """How much memory a process may lock, for RDMA to read and write; None: no limit."""
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _detour(subnet: str, interface: str, here: Sequence[Address]) -> list[str]:
    """What to say where packets to the cluster network leave by another interface.

    Raises:
        LookupError: If that one leads to no other node.
    """
    own = next(each for name, each in within(subnet, here) if name == interface)
    source = source_near(own, here)
    names = {each: name for name, each in here}
    way = names.get(source or "", interface)
    if way == interface:
        return []
    if is_foreign(way, holds_address=False):
        raise LookupError(
            f"the way to the cluster network {subnet} leads through {way} ({source}), not through "
            f"{interface}. Fix: give {way} another subnet"
        )
    return [f"packets to {subnet} leave by {way}, not by {interface}: the kernel's routes say so"]


def _rdma_notes(interface: str, port: str, root: str, *, has_verbs: bool) -> list[str]:
    if not has_verbs:
        return [
            f"{interface} has RDMA ({port}), but its device is not in /dev/infiniband here, so "
            "TCP is used. Fix: add /dev/infiniband to `container.devices`"
        ]
    notes = []
    limit = memlock_bytes()
    if limit is not None and limit < _ENOUGH_MEMLOCK_BYTES:
        notes.append(
            f"only {limit >> 10} KiB may be locked in memory, and RDMA locks what it sends. "
            "Fix: set `ulimits: {memlock: -1}`"
        )
    others = [each for each in map(str, rdma.active_ports(root)) if each != port]
    if others:
        notes.append(
            f"NCCL uses {port}, which is on the cluster network, and not {', '.join(others)}. "
            f"Set NCCL_IB_HCA to use others"
        )
    return notes


def _nccl_conf(given: Mapping[str, str], root: str) -> dict[str, str]:
    """What NCCL's own files set: a variable would win over them, and the user said it there."""
    home = os.path.expanduser("~/.nccl.conf")  # noqa: PTH111 - see rdma.py
    system = os.path.join(root, "etc/nccl.conf")  # noqa: PTH118
    found: dict[str, str] = {}
    for path in (system, given.get("NCCL_CONF_FILE") or home):
        try:
            with open(path) as file:  # noqa: PTH123
                lines = file.read().splitlines()
        except (OSError, ValueError):
            continue
        pairs = (line.partition("=") for line in lines if not line.lstrip().startswith("#"))
        found.update((name.strip(), value.strip()) for name, _, value in pairs)
    return found

"""What the first contact with a machine tells, without which nothing can be placed on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network

from clusterkit.model.cluster import Cluster, Container, Node
from clusterkit.model.machine import Login

_HOME = "~/"
_RDMA_DEVICES = "/dev/infiniband"


@dataclass(frozen=True, slots=True)
class Contact:
    """A machine as it answered: the user's home folder there, and the machine's own addresses.

    ``has_rdma``: it has devices through which containers can use RDMA.
    """

    home: str
    uid: int
    login: Login
    addresses: tuple[str, ...]
    has_rdma: bool = False


def met(cluster: Cluster, contacts: Mapping[str, Contact]) -> Cluster:
    """The cluster with what its machines told: absolute folders, addresses, logins."""
    nodes = tuple(
        _met(node, contacts[node.name], cluster.subnet) if node.name in contacts else node
        for node in cluster.nodes
    )
    return replace(cluster, nodes=nodes)


def _met(node: Node, contact: Contact, subnet: str | None) -> Node:
    address = node.address
    if address is None and subnet is not None:
        address = next(iter(inside(contact, subnet)), None)
    if node.container is not None:  # the container's own folder and login are ours to choose
        return replace(node, address=address, container=_carried(node.container, contact))
    home = node.home or ""
    if home.startswith(_HOME):
        home = f"{contact.home.rstrip('/')}/{home.removeprefix(_HOME)}"
    return replace(node, home=home, login=contact.login, address=address)


def _carried(container: Container, contact: Contact) -> Container:
    """The container with its machine's RDMA devices: they go with the machine's own network."""
    devices = container.devices
    wanted = contact.has_rdma and container.rdma and container.network == "host"
    if not wanted or any(device.startswith(_RDMA_DEVICES) for device in devices):
        return container
    return replace(container, devices=(*devices, _RDMA_DEVICES))


def inside(contact: Contact, subnet: str) -> tuple[str, ...]:
    """The machine's addresses in a subnet."""
    network = IPv4Network(subnet)
    return tuple(text for text in contact.addresses if IPv4Address(text) in network)


def address_problem(node: Node, contact: Contact, subnet: str | None) -> str | None:
    """Why the node is not on the cluster network as the inventory says; None: it is."""
    own_network = node.container is not None and node.container.network != "host"
    if subnet is None or own_network:
        return None
    has = f"its addresses are {', '.join(contact.addresses) or 'none'}"
    if node.address is not None and node.address not in contact.addresses:
        return (
            f"{node.address} is no address of this machine: {has}. "
            "Fix: correct `address` in the inventory, or `host` if this is another machine"
        )
    found = inside(contact, subnet)
    if not found:
        return (
            f"no address of this machine is in the cluster network {subnet}: {has}. "
            "Fix: correct `network` in the inventory, or configure its interface"
        )
    if node.address is None and len(found) > 1:
        return (
            f"{len(found)} addresses of this machine are in {subnet}: {', '.join(found)}. "
            "Fix: choose one with `address` in the inventory"
        )
    return None


def one_machine_twice(cluster: Cluster) -> dict[str, str]:
    """Nodes -> why they are not, where two are at one address: aliases of one machine.

    Each would start agents and daemons for both, and no job would come to be.
    """
    first: dict[str, Node] = {}
    found: dict[str, str] = {}
    for node in cluster.nodes:
        if node.machine is None or node.address is None:
            continue
        other = first.setdefault(node.address, node)
        if other is not node:
            found[node.name] = (
                f"it is the same machine as {other.name}: both are at {node.address}. "
                "Fix: give each node a machine of its own, and raise `slots` for more ranks"
            )
    return found

"""What types cannot say of an inventory of machines; and what only machines have."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from clusterkit.model.container import CONTAINER_SSH_PORT
from clusterkit.model.mistakes import Mistake, Place
from clusterkit.model.node_sets import fold

if TYPE_CHECKING:
    from clusterkit.model.inventory import Entry, Inventory


def ssh_mistakes(inventory: Inventory, entries: list[Entry]) -> Iterator[Mistake]:
    """Mistakes of a cluster of machines."""
    if inventory.network is None and len(entries) > 1:
        fix = "add `network: {subnet: …}`; `clusterkit discover HOSTS` shows what they have"
        what = "missing: several machines need the subnet on which they talk"
        yield Mistake(("network",), what, fix)
    yield from _hosts(entries)
    yield from _addresses(inventory, entries)
    yield from _storage(inventory)
    if inventory.runtime == "docker":
        yield from without_image(entries)
        yield from _container_networks(entries)
        yield from _container_ports(inventory, entries)
    else:
        yield from _no_container(inventory)


def not_with(inventory: Inventory) -> Iterator[Mistake]:
    """What only machines have, in an inventory of another provider."""
    what = f"is for provider ssh, and this one is {inventory.provider}"
    places: list[tuple[Place, object]] = [
        (("runtime",), inventory.runtime),
        (("ssh",), inventory.ssh),
        (("defaults", "ssh"), inventory.defaults.ssh),
    ]
    for where, node_set, own in inventory.node_sets():
        if own:
            places += [((where, node_set, key), getattr(own, key)) for key in ("host", "ssh")]
    for place, value in places:
        if value is not None:
            yield Mistake(place, what, f"take `{place[-1]}` out, or set `provider: ssh`")


def without_image(entries: list[Entry]) -> Iterator[Mistake]:
    """Nodes that are containers, and of which nobody said what they are made from."""
    names = [
        entry.name
        for entry in entries
        if entry.settings.container is None or not entry.settings.container.image
    ]
    if names:
        what = f"missing: {fold(names)} would have no image"
        fix = "add `container: {image: clusterkit/node-cpu}`"
        yield Mistake(("container", "image"), what, fix)


def address_mistake(text: str, place: Place) -> Mistake | None:
    """What is wrong with an address, by itself."""
    try:
        IPv4Address(text)
    except AddressValueError:
        fix = "write four numbers from 0 to 255: 192.168.123.111"
        return Mistake(place, f"`{text}` is not an IPv4 address", fix)
    return None


def _container_networks(entries: list[Entry]) -> Iterator[Mistake]:
    """A container in a network of Docker's has no address that the machine could tell."""
    for entry in entries:
        container = entry.settings.container
        if container and container.network not in (None, "host") and entry.address is None:
            what = f"missing: {entry.name} is in the network {container.network}"
            fix = "give it an address of that network, or take `network` out of `container`"
            yield Mistake((*entry.place, "address"), what, fix)


def _container_ports(inventory: Inventory, entries: list[Entry]) -> Iterator[Mistake]:
    """With its machine's network, a container has the machine's ports."""
    published: dict[Place, list[str]] = {}
    taken: dict[tuple[Place, int], list[str]] = {}
    for entry in entries:
        container, ssh = entry.settings.container, entry.settings.ssh
        if container is None or container.network not in (None, "host"):
            continue
        if container.ports:
            published.setdefault(container_place(inventory, entry, "ports"), []).append(entry.name)
        port = container.ssh_port or CONTAINER_SSH_PORT
        if ssh and ssh.port == port:
            place = container_place(inventory, entry, "ssh_port")
            taken.setdefault((place, port), []).append(entry.name)
    for place, names in published.items():
        what = f"nothing is to publish: {fold(names)} would have the network of the machine"
        yield Mistake(place, what, "take `ports` out, or set a `network`")
    for (place, port), names in taken.items():
        what = f"sshd of the machine has port {port} already: {fold(names)}"
        yield Mistake(place, what, "choose another `ssh_port`")


def _no_container(inventory: Inventory) -> Iterator[Mistake]:
    """On bare machines nothing of a container has a meaning."""
    places: list[tuple[Place, object]] = [
        (("container",), inventory.container),
        (("defaults", "container"), inventory.defaults.container),
        *(
            ((key, node_set, "container"), own.container)
            for key, node_set, own in inventory.node_sets()
            if own
        ),
    ]
    for place, container in places:
        if container is not None:
            what = "is for `runtime: docker`, and here ranks run on the machines as they are"
            yield Mistake(place, what, "take it out, or set `runtime: docker`")


def _hosts(entries: list[Entry]) -> Iterator[Mistake]:
    """Two nodes on one machine: by the same user and port it is the same place twice."""
    first: dict[object, Entry] = {}
    for entry in entries:
        ssh = entry.settings.ssh
        machine = (entry.host or entry.name, ssh and ssh.user, ssh and ssh.port)
        other = first.setdefault(machine, entry)
        if other.name != entry.name:
            what = f"{other.name} and {entry.name} are the same machine, {machine[0]}"
            fix = "give each node a machine of its own, and raise `slots` for more ranks"
            yield Mistake((*entry.place, "host"), what, fix)


def _addresses(inventory: Inventory, entries: list[Entry]) -> Iterator[Mistake]:
    owners: dict[str, str] = {}
    for entry in entries:
        if entry.address is None:
            continue
        place: Place = (*entry.place, "address")
        if mistake := address_mistake(entry.address, place):
            yield mistake
            continue
        if owners.setdefault(entry.address, entry.name) != entry.name:
            what = f"{entry.address} is the address of {owners[entry.address]} as well"
            yield Mistake(place, what, "give each node its own")
            continue
        if inventory.network is None:
            fix = "add `network: {subnet: …}`, or take the address out"
            yield Mistake(place, "an address needs the subnet that it is in", fix)
            continue
        address, subnet = IPv4Address(entry.address), IPv4Network(inventory.network.subnet)
        if address not in subnet:
            what = f"{address} is outside the subnet {subnet}"
            yield Mistake(place, what, "correct the address or the subnet")
        elif address in (subnet.network_address, subnet.broadcast_address):
            what = f"{address} is the first or the last of {subnet}, and no machine's"
            yield Mistake(place, what, "correct the address or the subnet")


def _storage(inventory: Inventory) -> Iterator[Mistake]:
    storage = inventory.storage
    if storage is None:
        return
    if storage.kind in ("volume", "local"):
        of = "docker" if storage.kind == "volume" else "local"
        what = f"`{storage.kind}` is for provider {of}, and this one is ssh"
        yield Mistake(("storage", "kind"), what, "use `bind`, `nfs` or `sync`")
    if storage.kind == "nfs" and ":/" not in (storage.source or ""):
        what = "kind nfs needs the export"
        yield Mistake(("storage", "source"), what, "write `source: server:/export`")
    if storage.kind in ("bind", "nfs") and storage.path is None:
        what = f"missing: kind {storage.kind} needs it"
        yield Mistake(("storage", "path"), what, "add `path: /mnt/shared`")
    if storage.kind in ("bind", "sync") and storage.source is not None:
        what = f"is for kind nfs, and this one is {storage.kind}"
        yield Mistake(("storage", "source"), what, "take it out; `path` is where it is")


def container_place(inventory: Inventory, entry: Entry, key: str) -> Place:
    """Where the setting that an entry has was written."""
    own = getattr(inventory, entry.key)[entry.node_set]
    for container, place in (
        (own and own.container, (*entry.place, "container", key)),
        (inventory.defaults.container, ("defaults", "container", key)),
    ):
        if container and getattr(container, key) is not None:
            return place
    return ("container", key)

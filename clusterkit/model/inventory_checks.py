"""What types cannot say of an inventory: names, addresses and sizes that must fit together."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from clusterkit.errors import did_you_mean
from clusterkit.model.addresses import assign, reserved
from clusterkit.model.base import is_name
from clusterkit.model.container import ContainerSettings
from clusterkit.model.inventory import Entry, Inventory
from clusterkit.model.machine_checks import (
    address_mistake,
    container_place,
    not_with,
    ssh_mistakes,
    without_image,
)
from clusterkit.model.mistakes import NAME_FIX, Mistake, Place, number
from clusterkit.model.node_sets import NotANodeSet, expand, fold


def find_mistakes(inventory: Inventory) -> list[Mistake]:
    """All mistakes of an inventory whose every value is of the right type."""
    entries = list(inventory.entries())
    found = [
        *_node_sets(inventory),
        *_duplicates(entries),
        *_groups(inventory, entries),
        *_engine(inventory, entries),
        *_python(inventory),
        *_lab(inventory),
    ]
    if inventory.provider == "local":
        return [*found, *not_with(inventory), *_local(inventory, entries)]
    if inventory.provider == "ssh":
        return [*found, *ssh_mistakes(inventory, entries)]
    return [
        *found,
        *not_with(inventory),
        *_needed_by_docker(inventory, entries),
        *_addresses(inventory, entries),
        *_storage(inventory),
        *_mounts(inventory, entries),
        *_ports(entries),
    ]


def _node_sets(inventory: Inventory) -> Iterator[Mistake]:
    """Node sets that cannot be expanded, and addresses that are not as many."""
    for one, what in (("address", "each node has an address"), ("host", "each node is a machine")):
        if getattr(inventory.defaults, one):
            yield Mistake(("defaults", one), f"{what} of its own", "move it to the node sets")
    for key, node_set, own in inventory.node_sets():
        place: Place = (key, node_set)
        try:
            names = expand(node_set)
        except NotANodeSet as error:
            yield Mistake(place, f"the node set {error}", "write `node1`, `node[1-3]` or `a1,b1`")
            continue
        if wrong := next((name for name in names if not is_name(name)), None):
            yield Mistake(place, f"`{wrong}` is not a node name", NAME_FIX)
        if own and own.address:
            yield from _count(names, own.address, (*place, "address"), _ADDRESSES)
        if own and own.host:
            yield from _count(names, own.host, (*place, "host"), _HOSTS)


_ADDRESSES = ("address", "write 192.168.123.111, or 192.168.123.[111-112] for two nodes")
_HOSTS = ("host", "write gpu1.example.net, or gpu[1-2].example.net for two nodes")


def _count(
    names: tuple[str, ...], text: str, place: Place, of: tuple[str, str]
) -> Iterator[Mistake]:
    """As many of something as there are nodes."""
    word, fix = of
    try:
        count = len(expand(text))
    except NotANodeSet as error:
        yield Mistake(place, f"`{text}` {error}", fix)
        return
    if count != len(names):
        what = f"{number(count, word)} for {number(len(names), 'node')}"
        yield Mistake(place, what, "give one for each node, or none at all")


def _duplicates(entries: list[Entry]) -> Iterator[Mistake]:
    first: dict[str, Entry] = {}
    for entry in entries:
        other = first.setdefault(entry.name, entry)
        if other is not entry:
            where = "twice in this node set"
            if other.place != entry.place:
                where = f"also in `{other.node_set}`"
            what = f"node {entry.name} is {where}"
            yield Mistake(entry.place, what, "name each node once")


def _groups(inventory: Inventory, entries: list[Entry]) -> Iterator[Mistake]:
    names = [entry.name for entry in entries]
    for group, members in inventory.groups.items():
        place: Place = ("groups", group)
        if group == "all":
            yield Mistake(place, "@all always means every node", "choose another name")
        if group in names:
            yield Mistake(place, "a node has this name", "choose another name")
        try:
            unknown = [name for name in expand(members) if name not in names]
        except NotANodeSet as error:
            yield Mistake(place, f"`{members}` {error}", "write `node1` or `node[1-3]`")
            continue
        if unknown and names:
            otherwise = f"the nodes are {fold(names)}"
            fix = did_you_mean(unknown[0], names, otherwise=otherwise)
            yield Mistake(place, f"no node is called {fold(unknown)}", fix)


def _engine(inventory: Inventory, entries: list[Entry]) -> Iterator[Mistake]:
    engine, members = inventory.engine, [entry for entry in entries if entry.key == "nodes"]
    slots = sum(entry.settings.slot_count for entry in members)
    if members and engine.world_size > slots:
        sizes = [f"{name}={size}" for name, size in engine.split.items()]
        what = f"{' with '.join(sizes)} needs {number(engine.world_size, 'slot')}"
        what += f", and the nodes have {slots}"
        groups = next(name for name in engine.split if name != "tp")
        key = groups if engine.groups > 1 else "tp"
        names = " or ".join(f"`{name}`" for name in engine.split)
        yield Mistake(("engine", key), what, f"lower {names}, or raise `slots`")


def _python(inventory: Inventory) -> Iterator[Mistake]:
    """On other machines, a path relative to this file means nothing."""
    if inventory.provider == "local":
        return
    places: list[tuple[Place, str | None]] = [
        (("python",), inventory.python),
        (("defaults", "python"), inventory.defaults.python),
        *(((key, name, "python"), own.python) for key, name, own in inventory.node_sets() if own),
    ]
    for place, python in places:
        if python and "/" in python and not python.startswith("/"):
            yield Mistake(
                place, f"`{python}` is not absolute", "begin it with /: it is on the nodes"
            )


def _lab(inventory: Inventory) -> Iterator[Mistake]:
    """Faults are made in containers of ours, and disks are filled that are made for it."""
    if inventory.lab is None:
        return
    if inventory.provider != "docker":
        what = f"is for provider docker, and this one is {inventory.provider}"
        yield Mistake(("lab",), what, "take `lab` out: nobody's machines are broken on purpose")
    elif inventory.storage and inventory.storage.kind != "volume":
        what = f"`{inventory.storage.kind}` has no limit, and the storage of a lab may be filled"
        yield Mistake(("storage", "kind"), what, "use `volume`")


def _local(inventory: Inventory, entries: list[Entry]) -> Iterator[Mistake]:
    docker_only = "is for provider docker, and this one is local"
    for key in ("network", "container"):
        if getattr(inventory, key) is not None:
            yield Mistake((key,), docker_only, f"take `{key}` out, or set `provider: docker`")
    for node_set, own in inventory.nodes.items():
        for key in ("address", "container"):
            if own and getattr(own, key) is not None:
                yield Mistake(("nodes", node_set, key), docker_only, f"take `{key}` out")
    if inventory.spares:
        what = "are other nodes, and provider local has one, this machine"
        yield Mistake(("spares",), what, "take `spares` out, or set `provider: docker`")
    members = [entry for entry in entries if entry.key == "nodes"]
    if len(members) > 1:
        what = f"provider local has one node, this machine, and here are {len(members)}"
        yield Mistake(("nodes",), what, "keep one node and raise its `slots`")
    if inventory.storage and inventory.storage.kind != "local":
        what = f"`{inventory.storage.kind}` is for provider docker, and this one is local"
        yield Mistake(("storage", "kind"), what, "take `storage` out")


def _needed_by_docker(inventory: Inventory, entries: list[Entry]) -> Iterator[Mistake]:
    if inventory.network is None:
        fix = "add `network: {subnet: 192.168.123.0/24}`"
        yield Mistake(("network",), "missing: provider docker needs it", fix)
    elif not IPv4Network(inventory.network.subnet).is_private:
        what = f"`{inventory.network.subnet}` is not a private network"
        yield Mistake(("network", "subnet"), what, "write 192.168.123.0/24")
    yield from without_image(entries)


def _addresses(inventory: Inventory, entries: list[Entry]) -> Iterator[Mistake]:
    if inventory.network is None:
        return
    subnet = IPv4Network(inventory.network.subnet)
    given: dict[str, IPv4Address] = {}
    for entry in entries:
        if entry.address is None:
            continue
        place: Place = (*entry.place, "address")
        if mistake := address_mistake(entry.address, place):
            yield mistake
            continue
        address = IPv4Address(entry.address)
        owner = next((name for name, other in given.items() if other == address), None)
        if owner and owner != entry.name:
            fix = "give each node its own"
            yield Mistake(place, f"{address} is the address of {owner} as well", fix)
        elif address not in subnet:
            fix = f"use one from {subnet.network_address + 2} to {subnet.broadcast_address - 1}"
            yield Mistake(place, f"{address} is outside the subnet {subnet}", fix)
        elif address in reserved(subnet):
            fix = f"use one from {subnet.network_address + 2} to {subnet.broadcast_address - 1}"
            yield Mistake(place, f"{address} is {reserved(subnet)[address]}", fix)
        given.setdefault(entry.name, address)
    names = [entry.name for entry in entries]
    left_out = [name for name in names if name not in assign(names, given, subnet)]
    if left_out:
        what = f"{subnet} has no address left for {fold(left_out)}"
        yield Mistake(("network", "subnet"), what, "use a larger subnet, such as a /24")


def _storage(inventory: Inventory) -> Iterator[Mistake]:
    storage = inventory.storage
    if storage is None:
        return
    if storage.kind not in ("bind", "volume"):
        of = "local" if storage.kind == "local" else "ssh"
        what = f"`{storage.kind}` is for provider {of}, and this one is docker"
        yield Mistake(("storage", "kind"), what, "use `volume`, or `bind` with a `source`")
    if storage.kind == "bind" and storage.source is None:
        yield Mistake(
            ("storage", "source"), "missing: kind bind needs it", "add `source: ./shared`"
        )
    if storage.kind == "volume" and storage.source is not None:
        fix = "take it out, or set `kind: bind`"
        yield Mistake(("storage", "source"), "is for kind bind, and this one is volume", fix)


def _mounts(inventory: Inventory, entries: list[Entry]) -> Iterator[Mistake]:
    """Two things at one path of a node."""
    shared = (inventory.storage and inventory.storage.path) or "/shared"
    seen: set[Place] = set()
    for entry in entries:
        paths = [shared]
        for mount in _container(entry).mounts or ():
            place = container_place(inventory, entry, "mounts")
            if mount.path in paths and place not in seen:
                seen.add(place)
                what = f"{mount.path} is taken by another mount or the storage"
                yield Mistake(place, what, "choose another `path`")
            paths.append(mount.path)


def _ports(entries: list[Entry]) -> Iterator[Mistake]:
    owners: dict[str, str] = {}
    for entry in entries:
        for port in _container(entry).ports or ():
            host = str(int(port.partition(":")[0]))
            owner = owners.setdefault(host, entry.name)
            if owner != entry.name:
                what = f"{owner} and {entry.name} would both publish port {host} of the host"
                fix = "publish it on one node, in the `container` of that node"
                yield Mistake((*entry.place, "container", "ports"), what, fix)


def _container(entry: Entry) -> ContainerSettings:
    return entry.settings.container or ContainerSettings()

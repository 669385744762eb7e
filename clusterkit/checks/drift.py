"""Where machines are not as the inventory says. Pure: facts in, mistakes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from clusterkit.checks.shared_networks import as_ipv4, is_for_clusters
from clusterkit.facts import MachineFacts
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.inventory import Inventory
from clusterkit.model.mistakes import Mistake, Place
from clusterkit.model.node_sets import fold, fold_numbers
from clusterkit.quantities import counted


@dataclass(frozen=True, slots=True)
class _Drift:
    """One thing that is otherwise on one node. ``key`` is what the inventory says of it."""

    node: str
    key: str
    what: str
    fix: str


def drift(
    inventory: Inventory, cluster: Cluster, seen: Mapping[str, MachineFacts]
) -> list[Mistake]:
    """Every difference, at its place; nodes in which it is the same share one mistake.

    ``seen`` has the machine of each node: for nodes that are containers, the one that runs them.
    """
    found = [
        each
        for node in cluster.nodes
        if node.name in seen
        for each in _of_node(cluster, node, seen)
    ]
    alike: dict[tuple[Place, str, str], list[str]] = {}
    for each in found:
        place = place_of(inventory, each.node, each.key)
        alike.setdefault((place, each.what, each.fix), []).append(each.node)
    return [
        Mistake(place, f"{fold(names)}: {what}", fix)
        for (place, what, fix), names in alike.items()
    ]


def place_of(inventory: Inventory, node: str, key: str) -> Place:
    """Where the inventory says ``key`` of a node: ``storage.path``, or a setting of its nodes."""
    if "." in key or key in ("provider", "runtime"):
        return tuple(key.split("."))
    place = next(entry.place for entry in inventory.entries() if entry.name == node)
    own = next(own for *where, own in inventory.node_sets() if (*where,) == place)
    if own and getattr(own, key, None) is not None:
        return (*place, key)
    if getattr(inventory.defaults, key, None) is not None:
        return ("defaults", key)
    return (key,) if key == "python" and inventory.python else (*place, key)


def paths_of(cluster: Cluster, node: Node) -> tuple[str, ...]:
    """What the inventory says is on the machine of a node."""
    return tuple(path for path, _, _ in _paths(cluster, node))


def _of_node(cluster: Cluster, node: Node, seen: Mapping[str, MachineFacts]) -> Iterator[_Drift]:
    facts = seen[node.name]
    yield from _gpus(node, facts)
    yield from _slots(node, facts)
    if node.machine is not None:
        yield from _address(cluster, node, seen)
    elif cluster.provider == "docker" and cluster.subnet is not None:
        yield from _taken_subnet(cluster.subnet, node, facts)
    if node.container is not None:
        yield from _docker(node, facts)
    for path, key, wanted in _paths(cluster, node):
        if (kind := facts.paths.get(path)) is not None and kind != wanted:
            what = f"{path} is not there" if kind == "absent" else f"{path} is no {wanted}"
            yield _Drift(node.name, key, what, f"correct `{key}`, or make it there")


def _gpus(node: Node, facts: MachineFacts) -> Iterator[_Drift]:
    have = [gpu.index for gpu in facts.gpus]
    missing = [index for index in node.gpus if index not in have]
    if missing:
        shows = fold_numbers(have) if have else "none"
        what = f"no GPU {fold_numbers(missing)}: nvidia-smi shows {shows}"
        if facts.gpus_on_bus > len(have):
            what += f", and the bus {counted(facts.gpus_on_bus, 'GPU')}"
        if why := facts.unreadable.get("gpus"):
            what += f" ({why})"
        yield _Drift(node.name, "gpus", what, "correct `gpus`, or mend the driver there")


def _slots(node: Node, facts: MachineFacts) -> Iterator[_Drift]:
    """More ranks than there are GPUs, or cores; one machine that tries a cluster has too few."""
    if node.gpus:
        room, what = len(facts.gpus), "GPU"
    else:
        room, what = (facts.cores or 0) if node.machine else 0, "core"
    if 0 < room < node.slots:
        yield _Drift(
            node.name,
            "slots",
            f"{counted(node.slots, 'slot')}, and the machine has {counted(room, what)}",
            f"lower `slots` to {room}",
        )


def _address(cluster: Cluster, node: Node, seen: Mapping[str, MachineFacts]) -> Iterator[_Drift]:
    """The node's address on the cluster network, and on an interface that ranks may use."""
    facts = seen[node.name]
    at = _addresses(facts)
    has = f"it has {', '.join(f'{ip} ({nic})' for ip, nic in at.items()) or 'none'}"
    if node.address is not None:
        if node.address not in at:
            yield _wrong_address(node, has, seen)
        elif at[node.address] not in _usable(facts):
            what = f"{node.address} is on {at[node.address]}, which is no interface for ranks"
            yield _Drift(node.name, "address", what, "choose one of another interface")
    elif cluster.subnet is not None:
        network = IPv4Network(cluster.subnet)
        inside = [ip for ip in at if IPv4Address(ip) in network]
        if not inside:
            what = f"no address in {network}: {has}"
            fix = "correct `subnet`, or the machine's interface"
            yield _Drift(node.name, "network.subnet", what, fix)
        elif len(inside) > 1:
            what = f"{len(inside)} addresses in {network}: {', '.join(inside)}"
            yield _Drift(node.name, "address", what, "choose one with `address`")


def _wrong_address(node: Node, has: str, seen: Mapping[str, MachineFacts]) -> _Drift:
    others = [
        name
        for name, facts in seen.items()
        if node.address in _addresses(facts) and name != node.name
    ]
    of = f"; it is one of {others[0]}" if others else ""
    return _Drift(
        node.name,
        "address",
        f"{node.address} is no address of this machine: {has}{of}",
        "correct `address`, or `host` if this is another machine",
    )


def _taken_subnet(subnet: str, node: Node, facts: MachineFacts) -> Iterator[_Drift]:
    """An interface of this machine in the network that containers are to have for their own."""
    network = IPv4Network(subnet)
    for nic in facts.nics:
        for text in nic.addresses if nic.kind == "physical" else ():
            if (interface := as_ipv4(text)) and interface.network.overlaps(network):
                what = f"{network} is not free: {nic.name} of this machine has {text}"
                yield _Drift(node.name, "network.subnet", what, "choose another private subnet")


def _docker(node: Node, facts: MachineFacts) -> Iterator[_Drift]:
    docker, key = facts.docker, "runtime" if node.machine else "provider"
    if docker is None or not docker.is_reachable:
        why = (docker and docker.problem) or "Docker is not installed"
        fix = "install Docker there, or let the user use it"
        yield _Drift(node.name, key, f"its container has nothing to run on: {why}", fix)
    elif node.gpus and not docker.has_nvidia_runtime:
        what = "Docker has no runtime `nvidia`, so that containers see no GPU"
        yield _Drift(node.name, key, what, "install the NVIDIA container toolkit there")


def _paths(cluster: Cluster, node: Node) -> Iterator[tuple[str, str, str]]:
    """Each path on the machine, the key that says it, and what it should be."""
    if node.python is not None and node.container is None:
        yield node.python, "python", "program"
    if node.machine is not None and cluster.storage.kind == "bind":
        yield cluster.storage.path, "storage.path", "folder"


def _addresses(facts: MachineFacts) -> dict[str, str]:
    """Address -> interface, without loopback."""
    return {
        text.partition("/")[0]: nic.name
        for nic in facts.nics
        for text in nic.addresses
        if ":" not in text and nic.kind != "loopback"
    }


def _usable(facts: MachineFacts) -> set[str]:
    return {nic.name for nic in facts.nics if is_for_clusters(nic)}

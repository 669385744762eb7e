"""The inventory that machines would have, from what was seen on them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from clusterkit.checks.shared_networks import SharedNetwork
from clusterkit.facts import Gpu, MachineFacts
from clusterkit.model.base import is_name
from clusterkit.model.machine import Machine
from clusterkit.model.node_sets import fold
from clusterkit.model.ssh_inventory import ssh_inventory
from clusterkit.model.ssh_nodes import Access, SshNode
from clusterkit.quantities import counted, speed

_GIB = 1 << 30
_IP_ADDRESS = re.compile(r"[\d.]+|.*:.*")


def discovered_inventory(
    seen: Mapping[str, tuple[Machine, MachineFacts]],
    networks: Sequence[SharedNetwork],
    *,
    cluster: str,
    model: str,
    silent: Mapping[str, str],
    guessed: bool = False,
) -> str:
    """The text, with what was seen as comments. The first network is the cluster's.

    ``silent`` are the machines that did not answer, and why. ``guessed``: the machines share no
    subnet, and the network is one that holds an address of each.
    """
    network = networks[0] if networks else None
    names = node_names(seen)
    nodes = [
        _node(names[key], machine, facts, network, key) for key, (machine, facts) in seen.items()
    ]
    return ssh_inventory(
        nodes,
        cluster=cluster,
        subnet=network.subnet if network else None,
        head=list(_story(seen, networks, silent)),
        model=model,
        subnet_comment=_GUESSED if guessed else _about(network),
    )


_GUESSED = "EDIT: they share no subnet; this one holds an address of each"


def node_names(seen: Mapping[str, tuple[Machine, MachineFacts]]) -> dict[str, str]:
    """A name for each machine: that by which it was called, or its own, or a number."""
    called = {
        key: facts.hostname if _IP_ADDRESS.fullmatch(machine.host) else machine.host
        for key, (machine, facts) in seen.items()
    }
    short = {key: name.partition(".")[0].lower() for key, name in called.items()}
    if all(map(is_name, short.values())) and len(set(short.values())) == len(short):
        return short
    return {key: f"node{number}" for number, key in enumerate(seen, 1)}


def _node(
    name: str, machine: Machine, facts: MachineFacts, network: SharedNetwork | None, key: str
) -> SshNode:
    access = Access(machine.user, machine.port, machine.key_file, machine.jump)
    if machine.trust != "known-hosts":
        access = replace(access, trust=machine.trust)
    return SshNode(
        name,
        host=None if machine.host == name else machine.host,
        address=network.places[key].address if network else None,
        slots=len(facts.gpus) or 1,
        gpus=tuple(gpu.index for gpu in facts.gpus),
        access=access,
        comment=", ".join(described(facts)),
    )


def described(facts: MachineFacts) -> Iterator[str]:
    """A machine in few words, which are the same for machines of the same kind."""
    if facts.gpus:
        yield from gpu_kinds(facts.gpus)
    if facts.cores:
        yield counted(facts.cores, "core")
    if facts.memory_bytes:
        yield f"{round(facts.memory_bytes / _GIB)} GiB"
    if facts.os_name:
        yield facts.os_name


def gpu_kinds(gpus: Sequence[Gpu]) -> list[str]:
    """``8 x NVIDIA H200 141 GiB``; of several kinds, each."""
    kinds: dict[str, int] = {}
    for gpu in gpus:
        memory = f" {round(gpu.memory_bytes / _GIB)} GiB" if gpu.memory_bytes else ""
        kind = f"{gpu.name}{memory}"
        kinds[kind] = kinds.get(kind, 0) + 1
    return [f"{count} x {kind}" for kind, count in kinds.items()]


def _about(network: SharedNetwork | None) -> str:
    """What was seen of a network."""
    if network is None:
        return ""
    nics = sorted({place.nic.name for place in network.places.values()})
    devices = sorted({place.nic.rdma_device or "" for place in network.places.values()})
    words = [fold(nics), speed(network.speed_mbps)]
    words += [f"RDMA {fold(devices)}"] if network.has_rdma else []
    return ", ".join(filter(None, words))


def _story(
    seen: Mapping[str, tuple[Machine, MachineFacts]],
    networks: Sequence[SharedNetwork],
    silent: Mapping[str, str],
) -> Iterator[str]:
    yield "Machines as `clusterkit discover` saw them. Next: clusterkit up FILE"
    for network in networks[1:]:
        about = _about(network)
        yield f"All of them are on {network.subnet} as well{f' ({about})' if about else ''}."
    sliced = [
        key
        for key, (_, facts) in seen.items()
        if any(gpu.mig_mode == "Enabled" for gpu in facts.gpus)
    ]
    if sliced:
        yield f"MIG is enabled on {', '.join(sliced)}: a rank gets a whole GPU only without it."
    for key, (_, facts) in seen.items():
        if facts.gpus_on_bus > len(facts.gpus):
            shown = (
                f"{counted(facts.gpus_on_bus, 'GPU')} on its bus, {len(facts.gpus)} with a driver"
            )
            yield f"{key} has {shown}."
    for key, why in silent.items():
        yield f"Left out: {key}: {why}"

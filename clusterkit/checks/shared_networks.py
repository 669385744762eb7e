"""Which networks machines share, the best first: that of the ranks is chosen among them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from clusterkit.facts import MachineFacts, Nic
from clusterkit.model.addresses import LARGEST_PREFIX, SMALLEST_PREFIX, common_subnet
from clusterkit.payloads.addresses import FOREIGN

_BRIDGE_OF_DOCKER = re.compile(r"br-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one machine is on a network."""

    address: str
    nic: Nic


@dataclass(frozen=True, slots=True)
class SharedNetwork:
    """One subnet on which every machine has an address of its own."""

    subnet: str
    places: Mapping[str, Place]

    @property
    def speed_mbps(self) -> int | None:
        """The speed of its slowest interface; None where one does not tell."""
        speeds = [place.nic.speed_mbps for place in self.places.values()]
        known = [speed for speed in speeds if speed is not None]
        return min(known) if len(known) == len(speeds) else None

    @property
    def is_apart(self) -> bool:
        """Whether no two machines have the same address, as on two networks of the same kind."""
        return len({place.address for place in self.places.values()}) == len(self.places)

    @property
    def has_rdma(self) -> bool:
        """Whether every interface has an RDMA device."""
        return all(place.nic.rdma_device for place in self.places.values())


def shared_networks(machines: Mapping[str, MachineFacts]) -> tuple[SharedNetwork, ...]:
    """The networks of all of these machines: RDMA first, then by speed.

    Among equals those of real interfaces come first, and then those by which the machines were
    not reached: a second network is there for a reason.
    """
    of_each = [dict(places(facts)) for facts in machines.values()]
    common = set.intersection(*map(set, of_each)) if of_each else set()
    found = [
        SharedNetwork(
            subnet, {name: on[subnet] for name, on in zip(machines, of_each, strict=True)}
        )
        for subnet in sorted(common)
    ]
    apart = [network for network in found if network.is_apart]
    return tuple(sorted(apart, key=lambda network: _order(network, machines)))


def network_within(subnet: str, machines: Mapping[str, MachineFacts]) -> SharedNetwork | None:
    """The network in which each machine has an address, also where it spans several subnets.

    None: a machine has none there. Of several the one of the fastest interface counts.
    """
    network = IPv4Network(subnet)
    found: dict[str, Place] = {}
    for name, facts in machines.items():
        inside = [place for _, place in places(facts) if IPv4Address(place.address) in network]
        if not inside:
            return None
        found[name] = min(inside, key=_slowness)
    return SharedNetwork(subnet, found)


def guessed_network(machines: Mapping[str, MachineFacts]) -> SharedNetwork | None:
    """A network of machines that share no subnet, but may reach one another through routers."""
    best = [
        min((place for _, place in places(facts)), key=_slowness, default=None)
        for facts in machines.values()
    ]
    subnet = common_subnet(place.address if place else "" for place in best)
    return network_within(subnet, machines) if subnet else None


def places(facts: MachineFacts) -> Iterator[tuple[str, Place]]:
    """Each subnet that a machine is on, and where; without those of containers."""
    for nic in facts.nics:
        if is_for_clusters(nic):
            for text in nic.addresses:
                if (interface := as_ipv4(text)) and not interface.ip.is_link_local:
                    yield str(interface.network), Place(str(interface.ip), nic)


def is_for_clusters(nic: Nic) -> bool:
    """Whether ranks may use an interface: what jobs never take, is not chosen here either."""
    if nic.kind in ("loopback", "tunnel") or nic.master or nic.state in ("down", "lowerlayerdown"):
        return False
    return not (nic.name.startswith(FOREIGN) or _BRIDGE_OF_DOCKER.fullmatch(nic.name))


def as_ipv4(text: str) -> IPv4Interface | None:
    """``10.0.0.11/24`` with a prefix that a cluster network may have; None for all else."""
    try:
        interface = IPv4Interface(text)
    except ValueError:
        return None
    length = interface.network.prefixlen
    return interface if SMALLEST_PREFIX <= length <= LARGEST_PREFIX else None


def _slowness(place: Place) -> tuple[bool | int, ...]:
    nic = place.nic
    return (not nic.rdma_device, -(nic.speed_mbps or 0), nic.kind != "physical")


def _order(network: SharedNetwork, machines: Mapping[str, MachineFacts]) -> tuple[bool | int, ...]:
    spots = network.places
    physical = all(place.nic.kind == "physical" for place in spots.values())
    reached = any(place.address == machines[name].reached_at for name, place in spots.items())
    return (not network.has_rdma, -(network.speed_mbps or 0), not physical, reached)

"""Which interface has the cluster network on each node? Found by subnet, never by name.

Bridges of Docker, libvirt and the like must not be it: they exist on many machines with the same
addresses, so that MPI and NCCL would connect a machine to itself.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from clusterkit.checks.doctor.finding import Finding, State, by_text
from clusterkit.checks.doctor.seen import Seen
from clusterkit.checks.shared_networks import is_for_clusters
from clusterkit.facts import MachineFacts, Nic
from clusterkit.model.cluster import Node

LOOKS_AT = "cluster network's interface"
_FIX_NONE = "correct `network: {subnet: …}` or `address` in the inventory"
_FIX_STRAY = (
    "give that bridge another subnet (Docker: `bip` and `default-address-pools` in "
    "/etc/docker/daemon.json), or choose another `network: {subnet: …}`"
)
_FIX_TWO = "leave one interface in the subnet: traffic goes through either"


_Problem = tuple[State, str, str]
"""A state, what is wrong, and the fix."""


def find(seen: Seen) -> list[Finding]:
    """One interface of each node is in the subnet; it holds the node's address, and is up."""
    subnet = seen.cluster.subnet
    if subnet is None:
        return [Finding("skip", seen.names, "only this machine")]
    problems: dict[str, _Problem] = {}
    well: dict[str, str] = {}
    for node in seen.answering:
        machine = seen.machines.get(node.name)
        if machine is None or not machine.nics:
            continue
        if problem := _problem(node, machine, subnet):
            problems[node.name] = problem
        else:
            well[node.name] = _inside(machine, subnet)[0].name
    found = [
        Finding(state, tuple(name for name in problems if problems[name] == problem), text, fix)
        for problem in dict.fromkeys(problems.values())
        for state, text, fix in (problem,)
    ]
    found += by_text("pass", well)
    return found or [Finding("skip", seen.names, "no node tells its interfaces")]


def _is_stray(nic: Nic, node: Node) -> bool:
    """Whether it belongs to a container engine or a hypervisor.

    A bridge that holds the node's own address is the machine's, whatever its name.
    """
    if nic.kind == "bridge" and node.address in _addresses(nic):
        return nic.name.startswith("docker")
    return not is_for_clusters(replace(nic, state="up", master=None))


def _problem(node: Node, machine: MachineFacts, subnet: str) -> _Problem | None:
    inside = _inside(machine, subnet)
    if not inside:
        return "fail", f"no interface has an address in {subnet}", _FIX_NONE
    if stray := [nic.name for nic in inside if _is_stray(nic, node)]:
        return "fail", f"{', '.join(stray)} has an address in {subnet}", _FIX_STRAY
    if node.address and not any(node.address in _addresses(nic) for nic in inside):
        have = "; ".join(f"{nic.name} {', '.join(_addresses(nic))}" for nic in inside)
        return "fail", f"{have}, not {node.address}", _FIX_NONE
    if len(inside) > 1:
        both = ", ".join(nic.name for nic in inside)
        return "warn", f"{both} all have addresses in {subnet}", _FIX_TWO
    if inside[0].state == "down":
        up = f"bring it up: `sudo ip link set {inside[0].name} up`"
        return "fail", f"{inside[0].name} is down", up
    return None


def _inside(machine: MachineFacts, subnet: str) -> list[Nic]:
    network = ipaddress.ip_network(subnet, strict=False)
    return [
        nic
        for nic in machine.nics
        if any(ipaddress.ip_address(address) in network for address in _addresses(nic))
    ]


def _addresses(nic: Nic) -> list[str]:
    return [address.partition("/")[0].partition("%")[0] for address in nic.addresses]

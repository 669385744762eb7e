from __future__ import annotations

import socket

import pytest

from clusterkit.payloads.addresses import Address, addresses, hold_free_port, interface_of

SUBNET = "10.0.0.0/24"
ETH0, ETH1, ETH2 = ("eth0", "192.0.2.5"), ("eth1", "10.0.0.11"), ("eth2", "10.0.0.12")
LO, LINK_ONLY = ("lo", "127.0.0.1"), ("eth0", "fe80::1")
FIX = "Fix: correct `network.subnet` or the node's `address` in the inventory"


def test_without_a_subnet_it_is_this_machine_alone() -> None:
    assert interface_of(None, None) == "lo"


@pytest.mark.parametrize(
    ("address", "found", "interface"),
    [
        (None, [LO, ETH0, ETH1], "eth1"),
        ("10.0.0.11", [ETH0, ETH1, ETH2], "eth1"),
        ("10.0.0.12", [ETH0, ETH1, ETH2], "eth2"),
        (None, [("docker0", "10.0.0.1"), ETH1], "eth1"),
        ("10.0.0.11", [("docker0", "10.0.0.11"), ETH1], "eth1"),
        (None, [("br-4d1c", "10.0.0.1"), ETH1], "eth1"),
        ("10.0.0.1", [("br-4d1c", "10.0.0.1"), ETH1], "br-4d1c"),
        ("10.0.0.1", [("br0", "10.0.0.1")], "br0"),
    ],
)
def test_the_interface_in_the_subnet(
    address: str | None, found: list[Address], interface: str
) -> None:
    assert interface_of(SUBNET, address, found) == interface


def test_also_by_its_new_address() -> None:
    assert interface_of("fd00::/64", None, [ETH0, ("eth1", "fd00::7")]) == "eth1"


@pytest.mark.parametrize(
    "name",
    ["lo", "docker0", "docker_gwbridge", "virbr0", "veth1a2b", "br-4d1c", "tun0", "tap0", "cali7"],
)
def test_what_leads_to_no_other_node_is_never_taken(name: str) -> None:
    with pytest.raises(LookupError):
        interface_of(SUBNET, None, [(name, "10.0.0.1")])


@pytest.mark.parametrize(
    ("address", "found", "words"),
    [
        (None, [LO, ETH0, LINK_ONLY], "an address in 10.0.0.0/24; it has eth0 192.0.2.5"),
        (
            "10.0.0.13",
            [ETH1, ("docker0", "10.0.0.13")],
            "10.0.0.13 of the cluster network 10.0.0.0/24; it has eth1 10.0.0.11, "
            "docker0 10.0.0.13 (never used)",
        ),
        (None, [LO], "an address in 10.0.0.0/24; it has none but the loopback"),
    ],
)
def test_there_is_none(address: str | None, found: list[Address], words: str) -> None:
    with pytest.raises(LookupError) as caught:
        interface_of(SUBNET, address, found)

    assert str(caught.value) == f"no interface has {words}. {FIX}"


def test_the_addresses_of_this_machine() -> None:
    assert ("lo", "127.0.0.1") in list(addresses())


def test_a_held_port_is_taken_until_it_is_closed() -> None:
    held = hold_free_port("127.0.0.1")
    with socket.socket() as other:
        with pytest.raises(OSError, match="in use"):
            other.bind(held.getsockname())
        port = held.getsockname()
        held.close()
        other.bind(port)

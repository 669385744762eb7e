from __future__ import annotations

from clusterkit.checks.shared_networks import (
    guessed_network,
    network_within,
    shared_networks,
)
from clusterkit.facts import MachineFacts, Nic

LOOPBACK = Nic("lo", "loopback", addresses=("127.0.0.1/8", "::1/128"))
DOCKER = Nic("docker0", "bridge", "up", ("172.17.0.1/16",), 10_000)


def nic(name: str, *addresses: str, mbps: int | None = None, **more) -> Nic:
    return Nic(name, more.pop("kind", "physical"), "up", addresses, mbps, **more)


def machine(name: str, *nics: Nic, reached_at: str | None = None) -> MachineFacts:
    return MachineFacts(name, nics=(LOOPBACK, *nics), reached_at=reached_at)


def found(*machines: MachineFacts) -> list[tuple[str, list[str]]]:
    networks = shared_networks({each.hostname: each for each in machines})
    return [
        (network.subnet, [place.address for place in network.places.values()])
        for network in networks
    ]


def test_the_fastest_comes_first_whatever_its_interfaces_are_called():
    a = machine("a", nic("eth0", "10.0.0.1/24", mbps=1000), nic("ib0", "10.9.0.1/16", mbps=40_000))
    b = machine("b", nic("eth9", "10.9.0.2/16", mbps=40_000), nic("x", "10.0.0.2/24", mbps=1000))

    assert found(a, b) == [
        ("10.9.0.0/16", ["10.9.0.1", "10.9.0.2"]),
        ("10.0.0.0/24", ["10.0.0.1", "10.0.0.2"]),
    ]


def test_the_slowest_interface_is_the_speed_of_a_network():
    a = machine("a", nic("e", "10.0.0.1/24", mbps=100_000), nic("f", "10.1.0.1/24", mbps=10_000))
    b = machine("b", nic("e", "10.0.0.2/24", mbps=1_000), nic("f", "10.1.0.2/24", mbps=10_000))
    networks = shared_networks({"a": a, "b": b})

    assert [(each.subnet, each.speed_mbps) for each in networks] == [
        ("10.1.0.0/24", 10_000),
        ("10.0.0.0/24", 1_000),
    ]


def test_rdma_comes_before_speed_if_every_machine_has_it():
    fast = nic("e", "10.0.0.1/24", mbps=100_000)
    a = machine("a", fast, nic("r", "10.1.0.1/24", mbps=25_000, rdma_device="mlx5_0"))
    fast = nic("e", "10.0.0.2/24", mbps=100_000)
    b = machine("b", fast, nic("r", "10.1.0.2/24", mbps=25_000, rdma_device="mlx5_0"))
    c = machine("c", fast, nic("r", "10.1.0.3/24", mbps=25_000))

    assert found(a, b)[0][0] == "10.1.0.0/24"
    assert found(a, c)[0][0] == "10.0.0.0/24"


def test_networks_of_containers_and_hypervisors_are_never_chosen():
    def one(number: int) -> MachineFacts:
        return machine(
            str(number),
            nic("docker0", f"172.17.0.{number}/16", mbps=10_000, kind="bridge"),
            nic("br-0123456789ab", f"172.18.0.{number}/16", mbps=10_000, kind="bridge"),
            nic("virbr0", f"192.168.122.{number}/24", mbps=10_000, kind="bridge"),
            nic("veth1234", f"169.254.7.{number}/16", f"10.7.0.{number}/24", kind="veth"),
            nic("tun0", f"10.5.0.{number}/24", kind="virtual"),
            nic("vpn", f"10.4.0.{number}/24", kind="tunnel"),
            nic("eth1", f"10.8.0.{number}/24", kind="physical", master="bond0"),
            nic("br0", f"10.0.0.{number}/24", mbps=1_000, kind="bridge"),
            Nic("eth2", "physical", "down", (f"10.6.0.{number}/24",)),
        )

    assert found(one(1), one(2)) == [("10.0.0.0/24", ["10.0.0.1", "10.0.0.2"])]


def test_the_same_address_on_two_machines_is_no_shared_network():
    a = machine("a", nic("usb0", "192.168.55.1/24"), nic("eth0", "10.0.0.1/24"))
    b = machine("b", nic("usb0", "192.168.55.1/24"), nic("eth0", "10.0.0.2/24"))

    assert found(a, b) == [("10.0.0.0/24", ["10.0.0.1", "10.0.0.2"])]


def test_among_equals_the_one_by_which_no_machine_was_reached():
    a = machine("a", nic("e", "10.0.0.1/24"), nic("f", "10.1.0.1/24"), reached_at="10.0.0.1")
    b = machine("b", nic("e", "10.0.0.2/24"), nic("f", "10.1.0.2/24"), reached_at="10.0.0.2")

    assert [subnet for subnet, _ in found(a, b)] == ["10.1.0.0/24", "10.0.0.0/24"]


def test_a_network_that_one_machine_is_not_on_is_not_shared():
    a, b = machine("a", nic("e", "10.0.0.1/24")), machine("b", nic("e", "10.0.1.2/24"), DOCKER)

    assert found(a, b) == []
    assert found() == []


def test_machines_in_several_subnets_get_one_that_holds_them_all():
    a, b = machine("a", nic("e", "10.0.0.1/24")), machine("b", nic("e", "10.0.1.2/24"))
    far = machine("c", nic("e", "192.168.0.1/24"))

    guess = guessed_network({"a": a, "b": b})

    assert guess is not None
    assert (guess.subnet, [place.address for place in guess.places.values()]) == (
        "10.0.0.0/23",
        ["10.0.0.1", "10.0.1.2"],
    )
    assert guessed_network({"a": a, "c": far}) is None
    assert guessed_network({"a": a, "d": machine("d")}) is None


def test_of_several_addresses_in_a_network_the_fastest_counts():
    a = machine("a", nic("e", "10.0.0.1/24", mbps=1000), nic("f", "10.0.0.2/24", mbps=10_000))

    network = network_within("10.0.0.0/16", {"a": a})

    assert network is not None
    assert network.places["a"].address == "10.0.0.2"
    assert network_within("10.1.0.0/16", {"a": a}) is None

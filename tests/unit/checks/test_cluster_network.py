from __future__ import annotations

import pytest

from clusterkit.checks.cluster_network import choose_networks
from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.facts import MachineFacts, Nic


def machine(name: str, *addresses: str) -> MachineFacts:
    return MachineFacts(name, nics=(Nic("eth0", "physical", "up", addresses),))


def networks(subnet: str | None = None, **machines: MachineFacts) -> tuple[list[str], bool]:
    found, guessed = choose_networks(machines, subnet)
    return [network.subnet for network in found], guessed


A, B, C = (
    machine("a", "10.0.0.1/24", "192.168.7.1/24"),
    machine("b", "10.0.1.2/24", "192.168.7.2/24"),
    machine("c", "172.16.0.3/24"),
)


def test_a_network_that_all_share_is_no_guess():
    assert networks(a=A, b=B) == (["192.168.7.0/24"], False)
    assert networks(a=A) == (["10.0.0.0/24", "192.168.7.0/24"], False)
    assert networks() == ([], False)


def test_one_that_was_asked_for_may_be_larger_than_a_subnet():
    assert networks("10.0.0.0/16", a=A, b=B) == (["10.0.0.0/16", "192.168.7.0/24"], False)
    assert networks("192.168.7.0/24", a=A, b=B) == (["192.168.7.0/24"], False)


def test_one_that_a_machine_is_not_on_is_refused():
    with pytest.raises(UsageError) as raised:
        networks("10.0.0.0/16", a=A, b=B, c=C)

    assert str(raised.value) == (
        "--subnet: no own address in 10.0.0.0/16 on c: c has 172.16.0.3. "
        "Fix: choose a network of all machines"
    )


def test_machines_behind_routers_get_a_guess_and_others_nothing():
    near = machine("n", "10.0.1.9/24")
    assert networks(a=machine("a", "10.0.0.1/24"), n=near) == (["10.0.0.0/23"], True)
    with pytest.raises(ClusterkitError) as raised:
        networks(a=A, c=C)
    assert str(raised.value) == (
        "these machines share no network: a has 10.0.0.1, 192.168.7.1; c has 172.16.0.3. "
        "Fix: name one that holds an address of each with `--subnet`"
    )


def test_one_machine_under_two_names_is_refused():
    with pytest.raises(UsageError) as raised:
        networks(a=A, b=B, again=machine("a", "192.168.7.1/24", "10.0.0.1/24"))

    assert str(raised.value) == (
        "HOSTS: a and again are one machine, with the addresses 10.0.0.1, 192.168.7.1. "
        "Fix: name it once"
    )


def test_the_same_address_on_two_machines_is_no_network_of_both():
    one, other = machine("a", "10.0.0.1/24", "10.9.0.1/24"), machine("b", "10.0.0.1/24")

    for subnet in (None, "10.0.0.0/24"):
        with pytest.raises(
            ClusterkitError, match=r"a has 10\.0\.0\.1, 10\.9\.0\.1; b has 10\.0\.0\.1"
        ):
            networks(subnet, a=one, b=other)

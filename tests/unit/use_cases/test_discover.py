from __future__ import annotations

import pytest

from clusterkit.command import Step
from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.facts import MachineFacts, Nic
from clusterkit.model.describe_options import DiscoverOptions
from clusterkit.tasks.machine_facts import look_at_machine
from clusterkit.use_cases.discover import _networks, discover, discover_steps


def machine(name: str, *addresses: str) -> MachineFacts:
    return MachineFacts(name, nics=(Nic("eth0", "physical", "up", addresses),))


def networks(subnet: str | None = None, **machines: MachineFacts) -> tuple[list[str], bool]:
    found, guessed = _networks(machines, subnet)
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
        "--subnet: no address in 10.0.0.0/16 on c: c has 172.16.0.3. "
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


def test_a_dry_run_is_one_look_for_each_machine():
    options = DiscoverOptions(hosts=("me@gpu[1-2]", "gpu3"), port=2222)

    assert discover_steps(options) == [
        Step(name, "look at the machine", look_at_machine(), stage="reach")
        for name in ("me@gpu1:2222", "me@gpu2:2222", "gpu3:2222")
    ]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"subnet": "10.0.0.1/24"}, "--subnet: `10.0.0.1/24` is not an IPv4 subnet"),
        ({"out": "nowhere/lab.yaml"}, "nowhere is no folder"),
        ({"out": "pyproject.toml"}, "pyproject.toml exists"),
    ],
)
def test_what_could_only_fail_afterwards_is_refused_before(
    options: dict[str, str], problem: str, monkeypatch: pytest.MonkeyPatch, request
):
    monkeypatch.chdir(request.config.rootpath)

    with pytest.raises(UsageError, match=problem.split(":")[0]):
        discover(DiscoverOptions(hosts=("nobody.invalid",), **options))

"""The launcher's daemons are told the interface by its name on their own node."""

from __future__ import annotations

import pytest

from clusterkit.payloads.daemon_network import pin_daemon, pin_launcher

FIVE = ["mpirun", "--prtemca", "prte_if_include", "10.0.0.0/24", "-np", "2", "prog"]
FOUR = ["mpirun", "--mca", "oob_tcp_if_include", "10.0.0.0/24", "-np", "2", "prog"]
GIVEN = {"PRTE_MCA_prte_if_include": "eth5"}


@pytest.mark.parametrize(("argv", "place"), [(FIVE, 3), (FOUR, 3)])
def test_the_launcher_on_the_head(argv: list[str], place: int) -> None:
    pinned = pin_launcher(argv, "eth1", {})

    assert pinned == [*argv[:place], "eth1", *argv[place + 1 :]]


@pytest.mark.parametrize(("interface", "given"), [("lo", {}), ("eth1", GIVEN)])
def test_the_launcher_of_one_node_and_of_somebody_who_chose(
    interface: str, given: dict[str, str]
) -> None:
    assert pin_launcher(FIVE, interface, given) == ["mpirun", "-np", "2", "prog"]


def test_a_launcher_without_a_network() -> None:
    assert pin_launcher(["mpirun", "prog"], "eth1", {}) == ["mpirun", "prog"]


@pytest.mark.parametrize(
    ("line", "pinned"),
    [
        (
            'A=b;export A;/opt/prted --prtemca prte_if_include "eth0" --prtemca ess env',
            'A=b;export A;/opt/prted --prtemca prte_if_include "eno1" --prtemca ess env',
        ),
        ("orted -mca oob_tcp_if_include eth0", "orted -mca oob_tcp_if_include eno1"),
        ("orted -mca ess env", "orted -mca ess env"),
    ],
)
def test_a_daemon_of_another_node(line: str, pinned: str) -> None:
    assert pin_daemon(line, "eno1", {}) == pinned
    assert pin_daemon(line, "eno1", GIVEN) == line

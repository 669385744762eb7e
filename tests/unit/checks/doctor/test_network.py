from __future__ import annotations

from dataclasses import replace

import pytest

from clusterkit.checks.doctor import CHECKS
from clusterkit.checks.doctor.finding import Finding
from clusterkit.checks.doctor.seen import Blocked, Login, Seen
from clusterkit.facts import Nic
from tests.unit.checks.doctor.wells import (
    NAMES,
    WELL,
    with_machine,
)


def reach(name: str, **changes: object) -> Seen:
    return replace(WELL, reach={**WELL.reach, name: replace(WELL.reach[name], **changes)})


def both(to: str) -> tuple[Blocked, ...]:
    return (Blocked(to, "listener", "no answer within 3 s"), Blocked(to, "sshd", "no answer"))


CASES = {
    "one direction": (
        "pairs",
        reach("node2", blocked=both("node3")),
        [
            (
                "fail",
                ("node2", "node3"),
                "node2 -> node3: free ports of and sshd of node3: no answer within 3 s; "
                "node3 -> node2 works",
                "let all TCP ports pass from node2 to node3 on the cluster network",
            )
        ],
    ),
    "only port 22 is open, to two nodes": (
        "pairs",
        reach("node1", blocked=tuple(Blocked(n, "listener", "refused") for n in NAMES[1:])),
        [
            (
                "fail",
                ("node1", "node2", "node3"),
                "node1 -> node[2-3]: free ports of node[2-3]: refused; node[2-3] -> node1 works",
                "let all TCP ports pass from node1 to node[2-3] on the cluster network",
            )
        ],
    ),
    "the program died": (
        "pairs",
        reach("node3", error="Killed"),
        [("fail", ("node3",), "could not try: Killed", "run `clusterkit doctor` again")],
    ),
    "login refused": (
        "logins",
        reach("node1", logins=(Login("node2", "Permission denied"), Login("node3"))),
        [
            (
                "fail",
                ("node2",),
                "node1 -> node2: Permission denied",
                "run `clusterkit up INVENTORY`: it puts the keys and known_hosts where they "
                "belong",
            ),
            ("pass", ("node3",), "node1 logs in", None),
        ],
    ),
    "no port": (
        "ports",
        reach("node2", no_port="cannot listen on 10.0.0.12: no such address"),
        [
            (
                "fail",
                ("node2",),
                "cannot listen on 10.0.0.12: no such address",
                "correct `address` of the node in the inventory: it must be one of its own",
            ),
            ("pass", ("node1", "node3"), "listens", None),
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_check_finds(case: str):
    check, seen, expected = CASES[case]

    assert CHECKS[check].find(seen) == [Finding(*row) for row in expected]


ETH1 = WELL.machines["node2"].nics[2]


NICS = {
    "two in the subnet": (
        (ETH1, Nic("eth2", "physical", "up", ("10.0.0.99/24",))),
        ("warn", "eth1, eth2 all have addresses in 10.0.0.0/24"),
    ),
    "docker0 in the subnet": (
        (ETH1, Nic("docker0", "bridge", "up", ("10.0.0.1/24",))),
        ("fail", "docker0 has an address in 10.0.0.0/24"),
    ),
    "virbr0 alone": (
        (Nic("virbr0", "bridge", "up", ("10.0.0.12/24",)),),
        ("pass", "virbr0"),
    ),
    "docker0 with the node's own address": (
        (Nic("docker0", "bridge", "up", ("10.0.0.12/24",)),),
        ("fail", "docker0 has an address in 10.0.0.0/24"),
    ),
    "none": ((Nic("eth0", "physical", "up", ("192.0.2.2/24",)),), ("fail", "no interface has an")),
    "another address": (
        (Nic("eth1", "physical", "up", ("10.0.0.77/24",)),),
        ("fail", "eth1 10.0.0.77, not 10.0.0.12"),
    ),
    "down": ((replace(ETH1, state="down"),), ("fail", "eth1 is down")),
    "a bridge of the machine's own": (
        (Nic("br0", "bridge", "up", ("10.0.0.12/24",)),),
        ("pass", "br0"),
    ),
}


@pytest.mark.parametrize("case", NICS)
def test_the_interface_of_the_cluster_network(case: str):
    nics, (state, text) = NICS[case]

    findings = CHECKS["interface"].find(with_machine("node2", nics=nics))

    found = next(each for each in findings if "node2" in each.nodes)
    assert (found.state, found.seen[: len(text)]) == (state, text)
    assert [each.state for each in findings if "node1" in each.nodes] == ["pass"]

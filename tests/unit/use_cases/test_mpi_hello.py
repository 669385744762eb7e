"""What ranks say is compared with the plan, their way through the network included."""

from __future__ import annotations

from typing import Any

import pytest

from clusterkit.facts import NodeFacts
from clusterkit.placement import place
from clusterkit.results.hello import HelloWay
from clusterkit.use_cases.mpi_hello import compared
from tests.unit.pair import node, pair

ETH0 = {"interface": "eth0", "address": "192.168.123.112"}
DOCKER0 = {"interface": "docker0", "address": "172.17.0.1"}


def answer(rank: int, **fields: Any) -> dict[str, Any]:
    return {
        "hostname": f"host{rank + 1}",
        "pid": 400 + rank,
        "local_rank": 0,
        "mpi_version": "5.0.11",
        "device": "cpu",
        "ways": [],
        "if_include": None,
        "memlock_bytes": 65536,
        "sum_is_right": True,
        **fields,
    }


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"ways": [ETH0]}, None),
        ({"ways": []}, None),
        (
            {"ways": [DOCKER0, ETH0]},
            "its messages go through docker0 (172.17.0.1), not through 192.168.123.112 of node2",
        ),
        ({"ways": [DOCKER0], "if_include": "docker0"}, None),
    ],
)
def test_the_way_of_messages(fields: dict[str, Any], why: str | None) -> None:
    cluster = pair(nodes=(node(1, slots=1), node(2, slots=1)))
    facts = {
        each.name: NodeFacts(f"host{number}", 1, 0, 0, "python", "3.11")
        for number, each in enumerate(cluster.nodes, 1)
    }
    answers = {0: answer(0), 1: answer(1, **fields)}

    hello = compared(cluster, place(cluster), answers=answers, facts=facts, took_s=1.0)

    rank = hello.ranks[1]
    assert (rank.why, rank.ok, hello.ok) == (why, why is None, why is None)
    assert rank.ways == tuple(HelloWay(**way) for way in fields["ways"])
    assert rank.memlock_bytes == 65536

"""Where the ranks of each replica are: on slots of their own, and on as few nodes as can be."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterkit.checks.replicas import shares
from clusterkit.errors import DoesNotFit
from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.placement import place_replicas
from tests.unit.pair import node, pair


def cluster_of(*slots: int, gpus: bool = False) -> Cluster:
    nodes = [
        node(number, slots=each, gpus=tuple(range(4, 4 + each)) if gpus else (), container=None)
        for number, each in enumerate(slots, 1)
    ]
    return pair(nodes=tuple(nodes))


def where(cluster: Cluster, replicas: int, *, tp: int = 1, pp: int = 1) -> list[dict[str, int]]:
    placed = place_replicas(cluster, replicas, tp=tp, pp=pp)
    return [{name: len(ranks) for name, ranks in each.by_node} for each in placed]


def test_replicas_are_dealt_over_the_nodes() -> None:
    assert where(cluster_of(2, 2), 2) == [{"node1": 1}, {"node2": 1}]
    assert where(cluster_of(2, 2), 3) == [{"node1": 1}, {"node2": 1}, {"node1": 1}]


def test_each_is_on_as_few_nodes_as_can_be() -> None:
    assert where(cluster_of(2, 4, 2), 2, pp=2) == [{"node2": 2}, {"node1": 2}]
    assert where(cluster_of(2, 3, 2), 2, tp=2, pp=1) == [{"node2": 2}, {"node1": 2}]
    assert where(cluster_of(1, 2, 3), 1, pp=5) == [{"node2": 2, "node3": 3}]


def test_stages_stay_whole_where_they_can() -> None:
    assert where(cluster_of(3, 3, 2), 1, tp=2, pp=3) == [{"node1": 2, "node2": 2, "node3": 2}]
    assert where(cluster_of(3, 3), 1, tp=2, pp=3) == [{"node1": 3, "node2": 3}]


def test_each_has_gpus_of_its_own_and_counts_its_ranks_from_0() -> None:
    placed = place_replicas(cluster_of(4, gpus=True), 2, tp=2, pp=1)

    assert [[(rank.local_rank, rank.device) for rank in each.ranks] for each in placed] == [
        [(0, 4), (1, 5)],
        [(0, 6), (1, 7)],
    ]


def test_too_few_slots_are_refused_with_the_numbers() -> None:
    with pytest.raises(DoesNotFit) as caught:
        place_replicas(cluster_of(2, 3), 3, tp=1, pp=2)
    assert str(caught.value) == (
        "3 replicas of tp=1 x pp=2 need 6 slots; cluster pair has 5 (node1 2, node2 3). "
        "Fix: at most 2 replicas, or raise `slots`"
    )
    with pytest.raises(DoesNotFit, match="Fix: a smaller tp x pp, or raise `slots`"):
        place_replicas(cluster_of(2, 3), 2, tp=3, pp=2)


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=6),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_no_slot_is_given_twice(slots: list[int], replicas: int, tp: int, pp: int) -> None:
    cluster = cluster_of(*slots, gpus=True)
    if replicas * tp * pp > sum(slots):
        with pytest.raises(DoesNotFit):
            place_replicas(cluster, replicas, tp=tp, pp=pp)
        return
    placed = place_replicas(cluster, replicas, tp=tp, pp=pp)

    assert [each.world_size for each in placed] == [tp * pp] * replicas
    assert all(len(set(each.nodes)) == len(each.nodes) for each in placed)
    taken = Counter((rank.node, rank.device) for each in placed for rank in each.ranks)
    assert set(taken.values()) == {1}


def test_each_is_judged_by_its_own_slots_gpus_and_part_of_the_memory() -> None:
    cluster = cluster_of(3, 1, gpus=True)
    facts = {
        each.name: NodeFacts(
            hostname=each.name,
            cores=2,
            memory_bytes=90,
            memory_available_bytes=90,
            python="/p",
            python_version="3.11",
        )
        for each in cluster.nodes
    }
    seen = [
        (
            [(each.name, each.slots, each.gpus) for each in part.nodes],
            {name: row.memory_available_bytes for name, row in told.items()},
        )
        for part, told in shares(cluster, facts, place_replicas(cluster, 2, tp=1, pp=2))
    ]
    assert seen == [
        ([("node1", 2, (4, 5))], {"node1": 60}),
        ([("node1", 1, (6,)), ("node2", 1, (4,))], {"node1": 30, "node2": 90}),
    ]

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterkit.errors import DoesNotFit
from clusterkit.placement import (
    Placement,
    Rank,
    place,
    place_evenly,
    place_stages,
    visible_devices,
)
from tests.unit.pair import node, pair


def test_the_slots_are_filled_in_the_order_of_the_inventory():
    cluster = pair(nodes=(node(2), node(1, slots=1), node(3)))

    assert place(cluster, 4) == Placement(
        (Rank(0, "node2", 0), Rank(1, "node2", 1), Rank(2, "node1", 0), Rank(3, "node3", 0))
    )


def test_without_a_number_every_slot_has_a_rank():
    placement = place(pair())

    assert placement.world_size == 4
    assert placement.nodes == ("node1", "node2")
    assert placement.by_node == (
        ("node1", (Rank(0, "node1", 0), Rank(1, "node1", 1))),
        ("node2", (Rank(2, "node2", 0), Rank(3, "node2", 1))),
    )


def test_a_node_without_ranks_is_not_among_the_nodes():
    assert place(pair(), 2).nodes == ("node1",)


def test_local_ranks_take_the_gpus_of_their_node_in_order():
    machines = (node(1, gpus=(4, 2), container=None), node(2, slots=1, gpus=(7,), container=None))

    placement = place(pair(nodes=machines))

    assert [rank.device for rank in placement.ranks] == [4, 2, 7]
    assert list(visible_devices(placement, "node1")) == [4, 2]
    assert list(visible_devices(placement, "node2")) == [7]


def test_a_container_counts_its_gpus_from_0():
    """The NVIDIA runtime gives it only its own."""
    placement = place(pair(nodes=(node(1, gpus=(4, 2)), node(2, slots=1, gpus=(7,)))))

    assert [rank.device for rank in placement.ranks] == [0, 1, 0]
    assert list(visible_devices(placement, "node2")) == [0]


def test_where_ranks_outnumber_gpus_they_take_turns():
    placement = place(pair(nodes=(node(1, slots=3, gpus=(5, 6), container=None),)))

    assert [rank.device for rank in placement.ranks] == [5, 6, 5]
    assert list(visible_devices(placement, "node1")) == [5, 6]


def test_more_ranks_than_slots_do_not_fit():
    with pytest.raises(DoesNotFit) as caught:
        place(pair(nodes=(node(1), node(2, slots=1))), 4)

    assert str(caught.value) == (
        "4 ranks do not fit in cluster pair: it has 3 slots (node1 2, node2 1). "
        "Fix: ask for at most 3 ranks, or raise `slots`"
    )


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.data())
def test_every_rank_has_one_slot_and_no_earlier_node_has_room(slots, data):
    cluster = pair(nodes=tuple(node(n + 1, slots=count) for n, count in enumerate(slots)))
    ranks = data.draw(st.integers(1, sum(slots)))

    placement = place(cluster, ranks)

    assert [rank.rank for rank in placement.ranks] == list(range(ranks))
    assert len({(rank.node, rank.local_rank) for rank in placement.ranks}) == ranks
    *full, last = placement.by_node
    assert [len(of_node) for _, of_node in full] == slots[: len(full)]
    assert len(last[1]) <= slots[len(full)]


def test_so_many_ranks_on_each_node():
    placement = place_evenly(pair(nodes=(node(1, slots=3), node(2, gpus=(5, 6)))), 2)

    assert placement.ranks == (
        Rank(0, "node1", 0),
        Rank(1, "node1", 1),
        Rank(2, "node2", 0, 0),
        Rank(3, "node2", 1, 1),
    )


def test_nodes_with_too_few_slots_for_so_many_on_each_are_named():
    with pytest.raises(DoesNotFit) as caught:
        place_evenly(pair(nodes=(node(1, slots=3), node(2), node(3, slots=1))), 3)

    assert str(caught.value) == (
        "3 ranks on each node do not fit in cluster pair: there are fewer slots on some "
        "(node2 2, node3 1). Fix: ask for at most 1 per node, choose other nodes with `--nodes`, "
        "or raise `slots`"
    )


SLOTS = st.lists(st.integers(1, 9), min_size=1, max_size=6)


@given(SLOTS, st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_stages_have_every_rank_in_one_slot_and_nodes_agree_on_their_number(slots, tp, pp, gpus):
    """What TensorRT-LLM is told as gpus_per_node is what LOCAL_WORLD_SIZE says on that node."""
    nodes = tuple(
        node(n + 1, slots=count, gpus=tuple(range(count)) if gpus else (), container=None)
        for n, count in enumerate(slots)
    )
    cluster = pair(nodes=nodes)
    if tp * pp > sum(slots):
        with pytest.raises(DoesNotFit):
            place_stages(cluster, tp=tp, pp=pp)
        return

    placement = place_stages(cluster, tp=tp, pp=pp)

    assert [rank.rank for rank in placement.ranks] == list(range(tp * pp))
    assert len({(rank.node, rank.local_rank) for rank in placement.ranks}) == tp * pp
    assert len(placement.by_node) == len(placement.nodes)  # the ranks of a node follow each other
    for name, ranks in placement.by_node:
        assert [rank.local_rank for rank in ranks] == list(range(len(ranks)))
        assert len(ranks) <= cluster.node(name).slots
        devices = [rank.device for rank in ranks]
        assert devices == (list(range(len(ranks))) if gpus else [None] * len(ranks))
        assert list(visible_devices(placement, name)) == (devices if gpus else [])


@given(SLOTS, st.integers(1, 9))
def test_so_many_on_each_node_is_the_same_on_each(slots, per_node):
    cluster = pair(nodes=tuple(node(n + 1, slots=count) for n, count in enumerate(slots)))
    if per_node > min(slots):
        with pytest.raises(DoesNotFit):
            place_evenly(cluster, per_node)
        return
    by_node = place_evenly(cluster, per_node).by_node
    assert [(name, len(ranks)) for name, ranks in by_node] == [
        (each.name, per_node) for each in cluster.nodes
    ]

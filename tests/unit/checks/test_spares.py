"""Which ends a spare can heal, and which spare takes which place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterkit.checks.spares import (
    Choice,
    choose_spares,
    may_hide_a_lost_node,
    node_at_fault,
)
from clusterkit.facts import Gpu, NodeFacts
from clusterkit.payloads.causes import cause
from tests.unit.pair import node, pair

GIB = 1 << 30
NODE2, NODE3 = node(2), node(3, slots=4)


def spare(number, slots=2, **changes):
    return node(number, slots=slots, standing="spare", **changes)


def chosen(*spares, lost=("node2",), unfit=None, facts=None, members=(NODE2, NODE3)):
    cluster = pair(nodes=(node(1), *members, *spares))
    return choose_spares(cluster, lost, unfit=unfit or {}, facts=facts or {})


def facts(memory_bytes, *gpus):
    seen = tuple(Gpu(index, f"GPU-{index}", "H200", size) for index, size in enumerate(gpus))
    return NodeFacts("h", 8, memory_bytes, memory_bytes, "python3", "3.11", gpus=seen)


@pytest.mark.parametrize("kind", ["node-lost", "container", "gpu-error"])
def test_what_befell_a_node_is_healed_by_another(kind):
    assert node_at_fault(cause(kind, node="node2")) == "node2"


@pytest.mark.parametrize(
    "kind",
    [
        *("exit-code", "signal", "out-of-memory", "timed-out", "stalled", "launcher", "wrapper"),
        *("interrupted", "stopped", "misplaced", "refused", "disk", "controller-lost"),
        *("supervisor-lost", "not-started"),
    ],
)
def test_what_would_befall_any_node_is_not(kind):
    assert node_at_fault(cause(kind, node="node2")) is None


@pytest.mark.parametrize(
    ("kind", "is_so"),
    [
        *(("exit-code", True), ("signal", True), ("launcher", True), ("wrapper", True)),
        *(("out-of-memory", False), ("stalled", False), ("interrupted", False)),
    ],
)
def test_a_rank_may_fail_because_another_node_is_gone(kind, is_so):
    assert may_hide_a_lost_node(cause(kind, node="node1", rank=0)) is is_so


def test_a_job_without_a_cause_has_no_node_at_fault():
    assert (node_at_fault(None), may_hide_a_lost_node(None)) == (None, False)


def test_the_smallest_that_is_good_enough_is_taken():
    spares = (spare(4, 1), spare(5, 8), spare(6, 2), spare(7, 2))

    assert chosen(*spares) == Choice({"node2": "node6"})


def test_each_place_has_the_spare_of_its_size():
    assert chosen(spare(4, 4), spare(5, 2), lost=("node2", "node3")) == Choice(
        {"node2": "node5", "node3": "node4"}
    )


def test_a_spare_goes_where_no_other_will_do():
    members = (node(2, slots=2, gpus=(0,)), node(3, slots=4))
    spares = (spare(4, 4, gpus=(0,)), spare(5, 2, gpus=(0, 1)))

    choice = chosen(*spares, lost=("node2", "node3"), members=members)

    assert choice == Choice({"node2": "node5", "node3": "node4"})


def test_where_one_place_stays_empty_every_spare_says_why():
    refusals = {
        "node4": "it has 2 slots, and node3 4",
        "node5": "no Python found",
    }
    assert chosen(spare(4), spare(5, 8), lost=("node3",), unfit={"node5": "no Python found"}) == (
        Choice({}, refusals)
    )


def test_no_spare_is_no_choice():
    assert chosen() == Choice()


def test_gpus_are_counted_and_the_smallest_measured():
    place = replace(NODE2, gpus=(0, 1))
    spares = (spare(4, gpus=(0,)), spare(5, gpus=(0, 1)), spare(6, gpus=(0, 1)))
    seen = {
        "node2": facts(GIB, 80 * GIB, 80 * GIB),
        "node5": facts(GIB, 80 * GIB, 40 * GIB),
        "node6": facts(GIB, 80 * GIB, 79 * GIB),
    }

    without_the_last = chosen(*spares[:2], members=(place,), facts=seen)

    assert without_the_last == Choice(
        {},
        {
            "node4": "it has 1 GPU, and node2 2",
            "node5": "it has 40.0 GiB on a GPU, and node2 80.0 GiB",
        },
    )
    assert chosen(*spares, members=(place,), facts=seen).by == {"node2": "node6"}


def test_memory_may_differ_as_it_does_between_machines_of_one_kind():
    def seen(of_the_spare):
        return {"node2": facts(100 * GIB), "node4": facts(of_the_spare)}

    assert chosen(spare(4), facts=seen(96 * GIB)) == Choice({"node2": "node4"})
    assert chosen(spare(4), facts=seen(94 * GIB)) == Choice(
        {}, {"node4": "it has 94.0 GiB of memory, and node2 100 GiB"}
    )


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=4), st.lists(st.integers(1, 6), max_size=5)
)
def test_no_spare_has_two_places_and_each_is_large_enough(places, spares):
    members = [node(number, slots=slots) for number, slots in enumerate(places, start=2)]
    waiting = [spare(number, slots) for number, slots in enumerate(spares, start=20)]
    lost = [each.name for each in members]

    choice = chosen(*waiting, lost=lost, members=members)

    slots = {each.name: each.slots for each in (*members, *waiting)}
    assert len({*choice.by.values()}) == len(choice.by)
    assert all(slots[by] >= slots[name] for name, by in choice.by.items())
    if len(choice.by) < len(lost):  # what is left over would not do for what is left out
        left = [each for each in waiting if each.name not in choice.by.values()]
        empty = [slots[name] for name in lost if name not in choice.by]
        assert all(each.slots < min(empty) for each in left)

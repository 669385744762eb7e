"""What may follow `lab fault`, and which faults on which nodes it means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterkit.errors import UsageError
from clusterkit.model.cluster import Cluster, Lab
from clusterkit.model.fault import Fault, rate
from clusterkit.model.lab_options import LabOptions, read_faults
from clusterkit.model.options import read_options
from tests.unit.pair import node, pair


def lab(**changes) -> Cluster:
    return replace(pair(nodes=(node(1), node(2), node(3))), lab=Lab("64m", "2g"), **changes)


def faults(*words: str, **options) -> tuple[Fault, ...]:
    given = LabOptions(action="fault", words=words, **options)
    return read_faults(given, lab())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("kill-node", "node2"), [Fault("kill-node", "node2")]),
        (("pause", "node[2-3]"), [Fault("pause", "node2"), Fault("pause", "node3")]),
        (("cut", "@all!node[2-3]"), [Fault("cut", "node1")]),
        (("partition", "node1", "node3"), [Fault("partition", "node1", "node3")]),
        (("slow", "node2", "1000Mbit"), [Fault("slow", "node2", value="1gbit")]),
        (("fill-disk", "node1"), [Fault("fill-disk", "node1")]),
        (("fill-disk", "storage"), [Fault("fill-disk", "node1", value="storage")]),
        (("skew-clock", "node2", "+2m"), [Fault("skew-clock", "node2", value="+2m")]),
        (("drop-ssh", "node2"), [Fault("drop-ssh", "node2")]),
        (("kill-rank", "01"), [Fault("kill-rank", f"node{n}", value="1") for n in (1, 2, 3)]),
        (("hang-rank", "5"), [Fault("hang-rank", f"node{n}", value="5") for n in (1, 2, 3)]),
    ],
)
def test_words_mean_faults_on_nodes(words, expected):
    assert list(faults(*words)) == expected


def test_a_partition_may_be_one_way_and_is_typed_as_it_is_shown():
    (fault,) = faults("partition", "node1", "node3", one_way=True)

    assert fault == Fault("partition", "node1", "node3", one_way=True)
    assert str(fault) == "partition node1 node3 --one-way"
    assert [str(each) for each in faults("kill-rank", "1")] == 3 * ["kill-rank 1"]
    assert str(faults("fill-disk", "storage")[0]) == "fill-disk storage"
    assert str(faults("slow", "node2", "50mbit")[0]) == "slow node2 50mbit"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            {"action": "fault", "words": ("kil-node", "node1")},
            "no fault is called `kil-node`. Fix: did you mean `kill-node`?",
        ),
        (
            {"action": "fault", "words": ("slow", "node1")},
            "`slow` takes NODES and RATE, and here are 1 words. "
            "Fix: write `lab fault slow node2 50mbit`",
        ),
        (
            {"action": "fault", "words": ("slow", "node1", "fast")},
            "`fast` is no rate. Fix: write `50mbit`, `800kbit` or `1gbit`",
        ),
        (
            {"action": "fault", "words": ("skew-clock", "node1", "2m")},
            "`2m` is no offset of a clock. Fix: write `+2m`, `-30s` or `+1h`",
        ),
        (
            {"action": "fault", "words": ("kill-rank", "one")},
            "`one` is no rank. Fix: write its number: 0, 1, …",
        ),
        (
            {"action": "up", "words": ("node1",)},
            "`up` takes no `node1`. Fix: leave it out",
        ),
        (
            {"action": "fault", "words": ("pause", "node1"), "one_way": True},
            "`--one-way` is for `fault partition`. Fix: leave it out",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_a_fix(words, said):
    with pytest.raises(UsageError) as refused:
        read_options("lab", words)
    assert str(refused.value) == said


@pytest.mark.parametrize("first", ["node2", "@all"])
def test_a_partition_is_between_two(first):
    with pytest.raises(UsageError):
        faults("partition", first, "node2")


def test_rates_have_one_form():
    assert [rate(text) for text in ("50mbit", "50Mbit", "1500kbit", "1000mbit", "0mbit", "5")] == [
        "50mbit",
        "50mbit",
        "1500kbit",
        "1gbit",
        None,
        None,
    ]

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterkit.errors import UsageError
from clusterkit.model.cluster import Cluster, Node, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.model.node_sets import NotANodeSet, expand, expand_numbers, fold, select

CLUSTER = Cluster(
    name="lab",
    provider="docker",
    nodes=tuple(Node(name, 1) for name in ("head", "node1", "node2", "node3", "gpu08", "gpu09")),
    storage=Storage("volume", "/shared"),
    engine=EngineSettings(),
    groups={"workers": ("node1", "node2", "node3"), "gpus": ("gpu08", "gpu09")},
)
SYNTAX = "Fix: write for example `node1`, `node[1-3]`, `@workers` or `node[1-9]!node4`"


@pytest.mark.parametrize(
    ("words", "selected"),
    [
        ("node1", "node1"),
        ("node[1-2]", "node1 node2"),
        ("node2,node1", "node1 node2"),
        ("node[3,1]", "node1 node3"),
        ("node[1-3/2]", "node1 node3"),
        ("gpu[08-09]", "gpu08 gpu09"),
        ("@workers", "node1 node2 node3"),
        ("@workers,head", "head node1 node2 node3"),
        ("@workers!node2", "node1 node3"),
        ("node[1-3]&@workers", "node1 node2 node3"),
        ("@workers&node2", "node2"),
        ("@all!@workers", "head gpu08 gpu09"),
        ("@all", "head node1 node2 node3 gpu08 gpu09"),
        ("*", "head node1 node2 node3 gpu08 gpu09"),
        ("node*", "node1 node2 node3"),
        ("node1,node1", "node1"),
    ],
)
def test_select_in_the_order_of_the_inventory(words: str, selected: str):
    assert select(CLUSTER, words) == tuple(selected.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "nod1",
            "no node is called `nod1`. "
            "Fix: did you mean `node1`? The nodes are gpu[08-09],head,node[1-3]",
        ),
        ("zzz", "no node is called `zzz`. Fix: the nodes are gpu[08-09],head,node[1-3]"),
        (
            "node[1-3]!node4",
            "no node is called `node4`. "
            "Fix: did you mean `node3`? The nodes are gpu[08-09],head,node[1-3]",
        ),
        (
            "@worker",
            "no group is called `worker`. "
            "Fix: did you mean `workers`? The groups are @workers, @gpus, @all",
        ),
        ("node1!node1", "`node1!node1` means no node. Fix: use some of gpu[08-09],head,node[1-3]"),
        ("x*", "`x*` means no node. Fix: use some of gpu[08-09],head,node[1-3]"),
        ("", f"the node set is empty. {SYNTAX}"),
        ("node[1", f"`node[1`: `node[1` cannot be read. {SYNTAX}"),
        ("node1,,node2", f"`node1,,node2`: `` is empty. {SYNTAX}"),
        ("node*[", f"`node*[` cannot be read. {SYNTAX}"),
        (
            "node1 node2",
            "`node1 node2` is not a node set: it has a space. Fix: join nodes by commas",
        ),
        (
            "$(touch x)",
            "`$(touch x)` is not a node set: it has a space. Fix: join nodes by commas",
        ),
    ],
)
def test_select_nothing_that_is_not_there(words: str, message: str):
    with pytest.raises(UsageError) as caught:
        select(CLUSTER, words)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        (["node1", "node2", "node3"], "node[1-3]"),
        (["node3", "node1"], "node[1,3]"),
        (["gpu08", "gpu09", "gpu10"], "gpu[08-10]"),
        (["head", "node1"], "head,node1"),
        (["a1", "a00"], "a[1,00]"),
        ([], ""),
    ],
)
def test_fold(names: list[str], folded: str):
    assert fold(names) == folded
    assert not folded or set(expand(folded)) == set(names)


NAMES = st.from_regex(r"[a-z]{1,3}(-?[0-9]{1,3})?(-[a-z]{1,2}[0-9]{0,2})?", fullmatch=True)


@given(st.sets(NAMES, min_size=1, max_size=30))
def test_what_is_folded_expands_to_the_same(names: set[str]):
    assert set(expand(fold(names))) == names


@given(st.sets(NAMES, min_size=1, max_size=30))
def test_what_is_folded_selects_the_same(names: set[str]):
    nodes = tuple(Node(name, 1) for name in sorted(names))
    cluster = Cluster("lab", "docker", nodes, CLUSTER.storage, CLUSTER.engine)
    assert select(cluster, fold(names)) == tuple(sorted(names))


def test_expand_keeps_the_order_of_writing():
    assert expand("node2,node1,a[1-2]") == ("node2", "node1", "a1", "a2")


REFUSED = ("", " ", ",", "node[", "a]", "@all", "a!b", "a&b", "a*", "a b")
REFUSED_RANGES = ("a[2,1]", "a[1-20000]", "a[2-1]", "a[]", "a[b]")


@pytest.mark.parametrize("text", [*REFUSED, *REFUSED_RANGES])
def test_expand_refuses(text: str):
    with pytest.raises(NotANodeSet):
        expand(text)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0", (0,)), ("0-3", (0, 1, 2, 3)), ("0,2-3", (0, 2, 3)), ("0-6/3", (0, 3, 6))],
)
def test_expand_numbers(text: str, numbers: tuple[int, ...]):
    assert expand_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", "all", "-1", "3-1", "1-2/0", "3,1", "0-20000"])
def test_expand_numbers_refuses(text: str):
    with pytest.raises(NotANodeSet):
        expand_numbers(text)


SUBSETS = st.sets(st.sampled_from([node.name for node in CLUSTER.nodes]), min_size=1)


@given(SUBSETS, SUBSETS)
def test_operators_are_those_of_sets(one: set[str], other: set[str]):
    for sign, wanted in ((",", one | other), ("!", one - other), ("&", one & other)):
        words = f"{fold(sorted(one))}{sign}{fold(sorted(other))}"
        if "," in fold(sorted(one)) + fold(sorted(other)) and sign != ",":
            continue  # operators are read from left to right
        if wanted:
            assert set(select(CLUSTER, words)) == wanted
        else:
            with pytest.raises(UsageError):
                select(CLUSTER, words)

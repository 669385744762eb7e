"""Mistakes in the keys, types and names of an inventory, and many mistakes at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterkit.errors import FileMistakes
from clusterkit.model.load import load_inventory
from tests.unit.model.mistaken import DOCKER, FREE, NAMES, changed, mistakes

pytestmark = pytest.mark.usefixtures("in_folder")

# what is put in place of what, and the message
CASES = {
    "unknown key": (
        ("{slots: 2}", "{slot: 2}"),
        "pair.yaml:4: nodes.node[1-2].slot: unknown key. Fix: did you mean `slots`?",
    ),
    "unknown key like no other": (
        ("engine: {pp: 2}", "engine: {xyzzy: 2}"),
        "pair.yaml:7: engine.xyzzy: unknown key. "
        "Fix: use one of compile, dtype, model, name, pp, threads_per_rank, tp",
    ),
    "unknown key at the top": (
        ("engine: {pp: 2}", "enginee: {pp: 2}"),
        "pair.yaml:7: enginee: unknown key. Fix: did you mean `engine`?",
    ),
    "missing key": (
        ("cluster: pair\n", ""),
        "pair.yaml:1: cluster: missing. Fix: add `cluster: pair`",
    ),
    "nodes without nodes": (
        ("  node[1-2]: {slots: 2}\n", ""),
        "pair.yaml:3: nodes: must be a mapping, not empty. "
        'Fix: write for example `nodes: {"node[1-2]": {"slots": 2}}`',
    ),
    "an empty mapping of nodes": (
        ("nodes:\n  node[1-2]: {slots: 2}\n", "nodes: {}\n"),
        "pair.yaml:3: nodes: must not be empty. "
        'Fix: write for example `nodes: {"node[1-2]": {"slots": 2}}`',
    ),
    "a word for a number": (
        ("slots: 2", "slots: two"),
        "pair.yaml:4: nodes.node[1-2].slots: must be a whole number, not `two`. "
        "Fix: write for example `slots: 2`",
    ),
    "a number in quotes": (
        ("slots: 2", 'slots: "2"'),
        "pair.yaml:4: nodes.node[1-2].slots: must be a number, not the text `2`. "
        "Fix: take the quotes away: 2",
    ),
    "half a slot": (
        ("slots: 2", "slots: 1.5"),
        "pair.yaml:4: nodes.node[1-2].slots: must be a whole number, not `1.5`. "
        "Fix: write for example `slots: 2`",
    ),
    "true slots": (
        ("slots: 2", "slots: true"),
        "pair.yaml:4: nodes.node[1-2].slots: must be a whole number, not `true`. "
        "Fix: write for example `slots: 2`",
    ),
    "no slots": (
        ("slots: 2", "slots: 0"),
        "pair.yaml:4: nodes.node[1-2].slots: must be at least 1, not `0`. "
        "Fix: write for example `slots: 2`",
    ),
    "a list for a node": (
        ("{slots: 2}", "[2]"),
        "pair.yaml:4: nodes.node[1-2]: must be a mapping, not a list. "
        'Fix: write for example `nodes: {"node[1-2]": {"slots": 2}}`',
    ),
    "a name that is none": (
        ("cluster: pair", "cluster: Pair_1"),
        f"pair.yaml:1: cluster: `Pair_1` is not a name. Fix: {NAMES}",
    ),
    "a provider that is none": (
        ("provider: docker", "provider: dokcer"),
        "pair.yaml:2: provider: must be local, docker or ssh, not `dokcer`. "
        "Fix: did you mean `docker`?",
    ),
}


@pytest.mark.parametrize(("change", "expected"), CASES.values(), ids=CASES)
def test_a_wrong_key_or_value(change: tuple[str, str], expected: str):
    assert mistakes(changed(*change)) == expected


def test_all_mistakes_are_told_at_once_by_line():
    """Wrong types, double keys and things that do not fit together, in one answer."""
    text = """\
cluster: pair
provider: docker
nodes:
  node1: {slot: 2, address: 10.0.0.1}
  node1: {}
  node2: {slots: two, address: 192.168.123.1}
groups: {workers: node3}
network: {subnet: 192.168.123.0/24}
engine: {pp: 64, dtype: float33}
"""
    assert mistakes(text).splitlines() == [
        "pair.yaml:1: container.image: missing: node[1-2] would have no image. "
        "Fix: add `container: {image: clusterkit/node-cpu}`",
        "pair.yaml:4: nodes.node1.slot: unknown key. Fix: did you mean `slots`?",
        "pair.yaml:4: nodes.node1.address: 10.0.0.1 is outside the subnet 192.168.123.0/24. "
        f"Fix: {FREE}",
        "pair.yaml:5: nodes.node1: is already on line 4. Fix: join the two, or take one out",
        "pair.yaml:6: nodes.node2.slots: must be a whole number, not `two`. "
        "Fix: write for example `slots: 2`",
        f"pair.yaml:6: nodes.node2.address: 192.168.123.1 is the subnet's gateway. Fix: {FREE}",
        "pair.yaml:7: groups.workers: no node is called node3. Fix: did you mean `node2`?",
        "pair.yaml:9: engine.dtype: must be auto, float32, bfloat16 or float16, not `float33`. "
        "Fix: did you mean `float32`?",
    ]


def test_what_only_follows_from_another_mistake_is_not_told():
    """Neither `network` nor the image is missing: each is there, and wrong."""
    text = DOCKER.replace("192.168.123.0/24", "nonsense").replace("clusterkit/node-cpu", "[]")
    assert mistakes(text).splitlines() == [
        "pair.yaml:5: network.subnet: `nonsense` is not an IPv4 subnet. "
        "Fix: write 192.168.123.0/24",
        "pair.yaml:6: container.image: must be text, not a list. "
        "Fix: write for example `image: clusterkit/node-cpu`",
    ]


def test_a_node_with_wrong_settings_is_a_node_all_the_same():
    text = DOCKER.replace("  node[1-2]: {slots: 2}", "  node1: 5\n  node2: {slots: 2}")
    assert mistakes(text + "groups: {both: 'node[1-2]'}\n") == (
        "pair.yaml:4: nodes.node1: must be a mapping, not `5`. "
        'Fix: write for example `nodes: {"node[1-2]": {"slots": 2}}`'
    )


WORDS = (
    "cluster provider nodes groups network container storage engine defaults python slots gpus "
    "address image build env mounts ports shm_size ulimits kind source path subnet model tp pp "
    "node1 node[1-2] 10.0.0.1 x"
)
KEYS = st.sampled_from(WORDS.split())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_whatever_the_values_are_there_are_messages(values: dict[str, Any]):
    """Values of any type at any place: either an inventory, or mistakes, each with a fix."""
    whole = {"cluster": "a", "provider": "docker", "nodes": {"node[1-2]": None}, **values}
    Path("any.yaml").write_text(json.dumps(whole))
    try:
        load_inventory(Path("any.yaml"))
    except FileMistakes as error:
        for problem in error.problems:
            assert problem.startswith("any.yaml:1: ")
            assert ". Fix: " in problem

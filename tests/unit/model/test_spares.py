"""Spares in an inventory, and in the places of nodes that are lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clusterkit.launchers.hostfile import hostfile
from clusterkit.model.load import load_inventory
from clusterkit.model.node_sets import select
from clusterkit.model.spares import Changes, StandIn, changed
from clusterkit.placement import place, place_evenly, place_stages
from tests.unit.model.mistaken import LOCAL, mistakes
from tests.unit.pair import node, pair

SPARE = node(4, slots=4, standing="spare")
CLUSTER = pair(nodes=(node(1), node(2), node(3), SPARE, node(5, standing="spare")))
GONE = StandIn("node2", "node4", "it does not answer")


def test_a_spare_is_a_node_of_the_cluster_behind_the_others_and_has_an_address():
    inventory = load_inventory(
        Path("a.yaml"),
        "cluster: a\nprovider: docker\nnodes: {node9: {}, node1: {}}\n"
        "spares: {'node[2-3]': {slots: 4, gpus: [1]}}\ndefaults: {slots: 2}\n"
        "network: {subnet: 192.168.9.0/24}\ncontainer: {image: x}\n",
    )

    cluster = inventory.resolve(base=Path("/"), local_home=Path("/h"), local_storage=Path("/s"))

    assert [(each.name, each.standing, each.slots, each.address) for each in cluster.nodes] == [
        ("node9", "member", 2, "192.168.9.11"),
        ("node1", "member", 2, "192.168.9.12"),
        ("node2", "spare", 4, "192.168.9.13"),
        ("node3", "spare", 4, "192.168.9.14"),
    ]
    assert (cluster.slots, cluster.spares) == (4, cluster.nodes[2:])


def test_no_rank_is_placed_on_a_spare():
    assert {
        place(CLUSTER).nodes,
        place_evenly(CLUSTER, 2).nodes,
        place_stages(CLUSTER, tp=2, pp=3).nodes,
    } == {("node1", "node2", "node3")}
    assert hostfile(CLUSTER) == "node1 slots=2\nnode2 slots=2\nnode3 slots=2\n"


def test_a_spare_has_the_place_and_the_slots_of_the_node():
    cluster = changed(CLUSTER, Changes((GONE,)))

    stands = replace(SPARE, standing="member", slots=2, stands_for="node2")
    out = replace(CLUSTER.node("node2"), standing="out")
    rest = (CLUSTER.node("node3"), CLUSTER.node("node5"))
    assert cluster.nodes == (CLUSTER.head, stands, *rest, out)
    assert hostfile(cluster) == "node1 slots=2\nnode4 slots=2\nnode3 slots=2\n"
    assert cluster.present.nodes == cluster.nodes[:-1]
    assert cluster.crew.nodes == cluster.nodes[:3]


def test_a_spare_of_a_spare_has_the_place_of_the_first():
    twice = Changes((GONE,)).and_then(Changes((StandIn("node4", "node5", "it burns"),)))

    cluster = changed(CLUSTER, twice)

    assert [each.name for each in cluster.members] == ["node1", "node5", "node3"]
    assert cluster.node("node5").stands_for == "node2"
    assert [each.name for each in cluster.nodes if each.standing == "out"] == ["node2", "node4"]


@pytest.mark.parametrize(
    "nonsense",
    [
        Changes((StandIn("node1", "node4", "the head"),)),
        Changes((StandIn("node9", "node4", "no node"),)),
        Changes((StandIn("node2", "node3", "no spare"),)),
        Changes(left_out={"node2": "a member", "node9": "no node"}),
    ],
)
def test_changes_of_another_inventory_change_nothing(nonsense):
    assert changed(CLUSTER, nonsense) == CLUSTER


def test_a_spare_that_is_left_out_is_out():
    cluster = changed(CLUSTER, Changes(left_out={"node5": "no Python"}))

    assert [each.name for each in cluster.spares] == ["node4"]
    assert cluster.node("node5").standing == "out"


def test_all_means_who_is_there_and_a_name_means_that_node():
    cluster = changed(CLUSTER, Changes((GONE,)))

    assert select(cluster, "@all") == select(cluster, "*") == ("node1", "node4", "node3", "node5")
    assert select(cluster, "@all!node1,node2") == ("node4", "node3", "node5", "node2")


DOCKER = """\
cluster: pair
provider: docker
nodes:
  node[1-2]: {slots: 1}
spares:
  %s
network: {subnet: 192.168.123.0/24}
container: {image: x}
engine: {pp: 3}
"""


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "on this machine": (
            LOCAL + "spares: {other: {}}\n",
            "pair.yaml:5: spares: are other nodes, and provider local has one, this machine. "
            "Fix: take `spares` out, or set `provider: docker`",
        ),
        "slots that no rank may have": (
            DOCKER % "node3: {slots: 4}",
            "pair.yaml:9: engine.pp: tp=1 with pp=3 needs 3 slots, and the nodes have 2. "
            "Fix: lower `tp` or `pp`, or raise `slots`",
        ),
        "a node that is one already": (
            DOCKER.replace("pp: 3", "pp: 2") % "node2: {}",
            "pair.yaml:6: spares.node2: node node2 is also in `node[1-2]`. "
            "Fix: name each node once",
        ),
        "a misspelt key": (
            DOCKER.replace("pp: 3", "pp: 2") % "node3: {slot: 1}",
            "pair.yaml:6: spares.node3.slot: unknown key. Fix: did you mean `slots`?",
        ),
        "an address outside": (
            DOCKER.replace("pp: 3", "pp: 2") % "node3: {address: 10.0.0.1}",
            "pair.yaml:6: spares.node3.address: 10.0.0.1 is outside the subnet 192.168.123.0/24. "
            "Fix: use one from 192.168.123.2 to 192.168.123.254",
        ),
    }.values(),
)
def test_a_mistake_in_spares(text: str, expected: str):
    assert mistakes(text) == expected

"""Mistakes in the nodes of an inventory: sets, addresses, GPUs, groups."""

from __future__ import annotations

import pytest

from tests.unit.model.mistaken import FREE, NAMES, changed, mistakes

pytestmark = pytest.mark.usefixtures("in_folder")

# what is put in place of what, and the message
CASES = {
    "a key twice": (
        ("  node[1-2]: {slots: 2}\n", "  node1: {slots: 2}\n  node1: {}\n"),
        "pair.yaml:5: nodes.node1: is already on line 4. Fix: join the two, or take one out",
    ),
    "a node in two sets": (
        ("  node[1-2]: {slots: 2}\n", "  node[1-2]: {slots: 2}\n  node2:\n"),
        "pair.yaml:5: nodes.node2: node node2 is also in `node[1-2]`. Fix: name each node once",
    ),
    "a node in two sets, at one address": (
        (
            "  node[1-2]: {slots: 2}\n",
            "  node[1]: {slots: 2, address: 192.168.123.9}\n  node1: {address: 192.168.123.9}\n",
        ),
        "pair.yaml:5: nodes.node1: node node1 is also in `node[1]`. Fix: name each node once",
    ),
    "a node twice in one set": (
        ("node[1-2]", '"node[1-2],node1"'),
        "pair.yaml:4: nodes.node[1-2],node1: node node1 is twice in this node set. "
        "Fix: name each node once",
    ),
    "a node set that is none": (
        ("  node[1-2]:", '  "node[1-":'),
        "pair.yaml:4: nodes.node[1-: the node set cannot be read. "
        "Fix: write `node1`, `node[1-3]` or `a1,b1`",
    ),
    "a node set that selects": (
        ("node[1-2]", "node[1-3]!node3"),
        "pair.yaml:4: nodes.node[1-3]!node3: the node set has '!', which is for selecting among "
        "nodes that exist. Fix: write `node1`, `node[1-3]` or `a1,b1`",
    ),
    "far too many nodes": (
        ("node[1-2]", "node[1-99999999]"),
        "pair.yaml:4: nodes.node[1-99999999]: the node set means more than 10000 nodes. "
        "Fix: write `node1`, `node[1-3]` or `a1,b1`",
    ),
    "a node with no host name": (
        ("node[1-2]", "Node_[1-2]"),
        f"pair.yaml:4: nodes.Node_[1-2]: `Node_1` is not a node name. Fix: {NAMES}",
    ),
    "too few addresses": (
        ("slots: 2", "address: 192.168.123.111"),
        "pair.yaml:4: nodes.node[1-2].address: 1 address for 2 nodes. "
        "Fix: give one for each node, or none at all",
    ),
    "an address that is none": (
        ("slots: 2", 'address: "192.168.123.[300-301]"'),
        "pair.yaml:4: nodes.node[1-2].address: `192.168.123.300` is not an IPv4 address. "
        "Fix: write four numbers from 0 to 255: 192.168.123.111\n"
        "pair.yaml:4: nodes.node[1-2].address: `192.168.123.301` is not an IPv4 address. "
        "Fix: write four numbers from 0 to 255: 192.168.123.111",
    ),
    "addresses that fall": (
        ("slots: 2", 'address: "192.168.123.[112,111]"'),
        "pair.yaml:4: nodes.node[1-2].address: `192.168.123.[112,111]` must rise inside its "
        "brackets. Fix: write 192.168.123.111, or 192.168.123.[111-112] for two nodes",
    ),
    "an address outside the subnet": (
        ("slots: 2", 'address: "192.168.123.111,10.0.0.1"'),
        "pair.yaml:4: nodes.node[1-2].address: 10.0.0.1 is outside the subnet 192.168.123.0/24. "
        f"Fix: {FREE}",
    ),
    "the gateway's address": (
        ("slots: 2", 'address: "192.168.123.[1-2]"'),
        "pair.yaml:4: nodes.node[1-2].address: 192.168.123.1 is the subnet's gateway. "
        f"Fix: {FREE}",
    ),
    "the subnet's own address": (
        ("slots: 2", 'address: "192.168.123.0,192.168.123.9"'),
        "pair.yaml:4: nodes.node[1-2].address: 192.168.123.0 is the address of the subnet itself. "
        f"Fix: {FREE}",
    ),
    "the broadcast address": (
        ("slots: 2", 'address: "192.168.123.[254-255]"'),
        "pair.yaml:4: nodes.node[1-2].address: 192.168.123.255 is the subnet's broadcast address. "
        f"Fix: {FREE}",
    ),
    "one address for two nodes": (
        (
            "  node[1-2]: {slots: 2}\n",
            "  node1: {address: 192.168.123.9}\n  node2: {address: 192.168.123.9}\n",
        ),
        "pair.yaml:5: nodes.node2.address: 192.168.123.9 is the address of node1 as well. "
        "Fix: give each node its own",
    ),
    "an address for all": (
        ("nodes:\n", "defaults: {address: 192.168.123.9}\nnodes:\n"),
        "pair.yaml:3: defaults.address: each node has an address of its own. "
        "Fix: move it to the node sets",
    ),
    "no addresses left": (
        (
            "node[1-2]: {slots: 2}\nnetwork: {subnet: 192.168.123.0/24}",
            "node[1-7]:\nnetwork: {subnet: 192.168.123.0/29}",
        ),
        "pair.yaml:5: network.subnet: 192.168.123.0/29 has no address left for node[6-7]. "
        "Fix: use a larger subnet, such as a /24",
    ),
    "a subnet that is none": (
        ("192.168.123.0/24", "192.168.1234.0/24"),
        "pair.yaml:5: network.subnet: `192.168.1234.0/24` is not an IPv4 subnet. "
        "Fix: write 192.168.123.0/24",
    ),
    "a subnet that begins later": (
        ("192.168.123.0/24", "192.168.123.7/24"),
        "pair.yaml:5: network.subnet: `192.168.123.7/24` does not begin at its first address. "
        "Fix: write 192.168.123.0/24",
    ),
    "a subnet without a size": (
        ("192.168.123.0/24", "192.168.123.0"),
        "pair.yaml:5: network.subnet: `192.168.123.0` has no size from /8 to /29. "
        "Fix: write 192.168.123.0/24",
    ),
    "a public subnet": (
        ("192.168.123.0/24", "8.8.8.0/24"),
        "pair.yaml:5: network.subnet: `8.8.8.0/24` is not a private network. "
        "Fix: write 192.168.123.0/24",
    ),
    "one GPU number": (
        ("slots: 2", "gpus: 2"),
        "pair.yaml:4: nodes.node[1-2].gpus: must be a list of GPU numbers, not one number. "
        'Fix: write [2] for that GPU, or a range such as "0-3"',
    ),
    "a GPU range that is none": (
        ("slots: 2", "gpus: all"),
        "pair.yaml:4: nodes.node[1-2].gpus: `all` is no range such as `0-3` or `0,2`. "
        'Fix: write [0, 1] or "0-3"',
    ),
    "a GPU twice": (
        ("slots: 2", "gpus: [0, 0]"),
        "pair.yaml:4: nodes.node[1-2].gpus: GPU 0 is listed twice. Fix: list each GPU once",
    ),
    "a GPU below zero": (
        ("slots: 2", "gpus: [0, -1]"),
        "pair.yaml:4: nodes.node[1-2].gpus[1]: must be at least 0, not `-1`. "
        "Fix: write for example `gpus: [0, 1]`",
    ),
    "an unknown member": (
        ("engine: {pp: 2}", "groups: {workers: nod2}"),
        "pair.yaml:7: groups.workers: no node is called nod2. Fix: did you mean `node2`?",
    ),
    "unknown members": (
        ("engine: {pp: 2}", 'groups: {workers: "host[7-8]"}'),
        "pair.yaml:7: groups.workers: no node is called host[7-8]. Fix: the nodes are node[1-2]",
    ),
    "a group named like a node": (
        ("engine: {pp: 2}", "groups: {node1: node2}"),
        "pair.yaml:7: groups.node1: a node has this name. Fix: choose another name",
    ),
    "a group named all": (
        ("engine: {pp: 2}", "groups: {all: node2}"),
        "pair.yaml:7: groups.all: @all always means every node. Fix: choose another name",
    ),
    "a group that has no name": (
        ("engine: {pp: 2}", "groups: {Work!: node2}"),
        f"pair.yaml:7: groups.Work!: `Work!` is not a name. Fix: {NAMES}",
    ),
}


@pytest.mark.parametrize(("change", "expected"), CASES.values(), ids=CASES)
def test_nodes_that_cannot_be(change: tuple[str, str], expected: str):
    assert mistakes(changed(*change)) == expected

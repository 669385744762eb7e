"""Each mistake that an inventory can have, and the whole message that it gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterkit.errors import FileMistakes
from clusterkit.model.load import load_inventory

DOCKER = """\
cluster: pair
provider: docker
nodes:
  node[1-2]: {slots: 2}
network: {subnet: 192.168.123.0/24}
container: {image: clusterkit/node-cpu}
engine: {pp: 2}
"""
WORDS = (
    "cluster provider nodes groups network container storage engine defaults python slots gpus "
    "address image build env mounts ports shm_size ulimits kind source path subnet model tp pp "
    "node1 node[1-2] 10.0.0.1 x"
)
KEYS = st.sampled_from(WORDS.split())
LOCAL = """\
cluster: here
provider: local
nodes:
  localhost: {slots: 2}
"""


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Messages name the file as the user did, so that a relative name keeps them short."""
    monkeypatch.chdir(tmp_path)


def mistakes(text: str | bytes) -> str:
    path = Path("pair.yaml")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FileMistakes) as caught:
        load_inventory(path)
    assert caught.value.exit_code == 2
    assert str(caught.value) == "\n".join(caught.value.problems)
    return str(caught.value)


NAMES = "use lower-case letters, digits and hyphens, at most 63, a letter first"
FREE = "use one from 192.168.123.2 to 192.168.123.254"

# what is put in place of what (in DOCKER, or LOCAL where it is named), and the message
CASES = {
    "unknown key": (
        ("{slots: 2}", "{slot: 2}"),
        "pair.yaml:4: nodes.node[1-2].slot: unknown key. Fix: did you mean `slots`?",
    ),
    "unknown key like no other": (
        ("engine: {pp: 2}", "engine: {xyzzy: 2}"),
        "pair.yaml:7: engine.xyzzy: unknown key. "
        "Fix: use one of dtype, model, name, pp, threads_per_rank, tp",
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
        "pair.yaml:2: provider: must be local or docker, not `dokcer`. "
        "Fix: did you mean `docker`?",
    ),
    "a provider of a later version": (
        ("provider: docker\n", "provider: ssh\nssh: {user: me}\n"),
        "pair.yaml:2: provider: `ssh` comes with a later version; this one has local and docker. "
        "Fix: use `provider: docker` or `local`",
    ),
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
    "docker without a network": (
        ("network: {subnet: 192.168.123.0/24}\n", ""),
        "pair.yaml:1: network: missing: provider docker needs it. "
        "Fix: add `network: {subnet: 192.168.123.0/24}`",
    ),
    "docker without an image": (
        ("container: {image: clusterkit/node-cpu}", "container: {shm_size: 1g}"),
        "pair.yaml:6: container.image: missing: node[1-2] would have no image. "
        "Fix: add `container: {image: clusterkit/node-cpu}`",
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
    "more ranks than slots": (
        ("engine: {pp: 2}", "engine:\n  model: smollm2-135m\n  pp: 2\n  tp: 3"),
        "pair.yaml:9: engine.pp: tp=3 with pp=2 needs 6 slots, and the nodes have 4. "
        "Fix: lower `tp` or `pp`, or raise `slots`",
    ),
    "an engine of a later version": (
        ("engine: {pp: 2}", "engine: {name: triton}"),
        "pair.yaml:7: engine.name: must be transformers, not `triton`. Fix: use transformers",
    ),
    "an empty model": (
        ("engine: {pp: 2}", 'engine: {model: ""}'),
        "pair.yaml:7: engine.model: must not be empty. "
        "Fix: write for example `model: smollm2-135m`",
    ),
    "a port that is none": (
        ("{image: clusterkit/node-cpu}", '{image: x, ports: ["80"]}'),
        "pair.yaml:6: container.ports[0]: `80` is not a port. "
        'Fix: write "HOST:CONTAINER", each from 1 to 65535: "8000:8000"',
    ),
    "a port beyond all ports": (
        ("{image: clusterkit/node-cpu}", '{image: x, ports: ["80:65536"]}'),
        "pair.yaml:6: container.ports[0]: `80:65536` is not a port. "
        'Fix: write "HOST:CONTAINER", each from 1 to 65535: "8000:8000"',
    ),
    "a port of all nodes": (
        ("{slots: 2}", '{container: {ports: ["8000:80"]}}'),
        "pair.yaml:4: nodes.node[1-2].container.ports: node1 and node2 would both publish port "
        "8000 of the host. Fix: publish it on one node, in the `container` of that node",
    ),
    "a size that is none": (
        ("{image: clusterkit/node-cpu}", "{image: x, shm_size: 1 gig}"),
        "pair.yaml:6: container.shm_size: `1 gig` is not a size. "
        "Fix: write a number and a unit: `512m` or `1g`",
    ),
    "a number for a size": (
        ("{image: clusterkit/node-cpu}", "{image: x, shm_size: 1}"),
        'pair.yaml:6: container.shm_size: must be text, not `1`. Fix: put it in quotes: "1"',
    ),
    "an ipc that is none": (
        ("{image: clusterkit/node-cpu}", "{image: x, ipc: hots}"),
        "pair.yaml:6: container.ipc: must be host, private, shareable or none, not `hots`. "
        "Fix: did you mean `host`?",
    ),
    "a ulimit that is none": (
        ("{image: clusterkit/node-cpu}", "{image: x, ulimits: {memlok: -1}}"),
        "pair.yaml:6: container.ulimits.memlok: unknown key. Fix: did you mean `memlock`?",
    ),
    "a ulimit below all limits": (
        ("{image: clusterkit/node-cpu}", "{image: x, ulimits: {memlock: -2}}"),
        "pair.yaml:6: container.ulimits.memlock: must be at least -1, not `-2`. "
        'Fix: write for example `ulimits: {"memlock": -1, "stack": 67108864}`',
    ),
    "a number in the environment": (
        ("{image: clusterkit/node-cpu}", "{image: x, env: {OMP_NUM_THREADS: 2}}"),
        "pair.yaml:6: container.env.OMP_NUM_THREADS: must be text, not `2`. "
        'Fix: put it in quotes: "2"',
    ),
    "a mount in one word": (
        ("{image: clusterkit/node-cpu}", '{image: x, mounts: ["./a:/b"]}'),
        "pair.yaml:6: container.mounts[0]: must be a mapping, not `./a:/b`. "
        'Fix: write for example `mounts: [{"path": "/data", "source": "./data"}]`',
    ),
    "a mount at a relative path": (
        ("{image: clusterkit/node-cpu}", "{image: x, mounts: [{source: ./a, path: b}]}"),
        "pair.yaml:6: container.mounts[0].path: `b` is not absolute. "
        "Fix: begin it with /: it is a path on the nodes",
    ),
    "a mount over the storage": (
        ("{image: clusterkit/node-cpu}", "{image: x, mounts: [{source: ./a, path: /shared}]}"),
        "pair.yaml:6: container.mounts: /shared is taken by another mount or the storage. "
        "Fix: choose another `path`",
    ),
    "a build without its folder": (
        ("{image: clusterkit/node-cpu}", "{image: x, build: {dockerfile: y}}"),
        'pair.yaml:6: container.build.context: missing. Fix: add `context: ".."`',
    ),
    "a bind of nothing": (
        ("engine: {pp: 2}", "storage: {kind: bind}"),
        "pair.yaml:7: storage.source: missing: kind bind needs it. Fix: add `source: ./shared`",
    ),
    "a volume with a folder": (
        ("engine: {pp: 2}", "storage: {kind: volume, source: ./shared}"),
        "pair.yaml:7: storage.source: is for kind bind, and this one is volume. "
        "Fix: take it out, or set `kind: bind`",
    ),
    "local storage of containers": (
        ("engine: {pp: 2}", "storage: {kind: local}"),
        "pair.yaml:7: storage.kind: `local` is for provider local, and this one is docker. "
        "Fix: use `volume`, or `bind` with a `source`",
    ),
    "a Python beside the inventory": (
        ("engine: {pp: 2}", "python: ./venv/bin/python"),
        "pair.yaml:7: python: `./venv/bin/python` is not absolute. "
        "Fix: begin it with /: it is on the nodes",
    ),
    "not YAML": (
        ("engine: {pp: 2}", "engine: {pp: 2"),
        "pair.yaml:8: not YAML: expected ',' or '}', but got '<stream end>'. "
        "Fix: check quotes, brackets and indentation on this line and the one before",
    ),
    "a tab": (
        ("  node[1-2]", "\tnode[1-2]"),
        "pair.yaml:4: not YAML: found character '\\t' that cannot start any token. "
        "Fix: check quotes, brackets and indentation on this line and the one before",
    ),
}


@pytest.mark.parametrize(("change", "expected"), CASES.values(), ids=CASES)
def test_a_mistake_of_a_docker_inventory(change: tuple[str, str], expected: str):
    old, new = change
    assert DOCKER.count(old) == 1
    assert mistakes(DOCKER.replace(old, new)) == expected


LOCAL_CASES = {
    "a network": (
        LOCAL + "network: {subnet: 192.168.123.0/24}\n",
        "pair.yaml:5: network: is for provider docker, and this one is local. "
        "Fix: take `network` out, or set `provider: docker`",
    ),
    "a container": (
        LOCAL + "container: {image: x}\n",
        "pair.yaml:5: container: is for provider docker, and this one is local. "
        "Fix: take `container` out, or set `provider: docker`",
    ),
    "a node's container": (
        LOCAL.replace("slots: 2", "container: {image: x}"),
        "pair.yaml:4: nodes.localhost.container: is for provider docker, and this one is local. "
        "Fix: take `container` out",
    ),
    "an address": (
        LOCAL.replace("slots: 2", "address: 127.0.0.1"),
        "pair.yaml:4: nodes.localhost.address: is for provider docker, and this one is local. "
        "Fix: take `address` out",
    ),
    "two nodes": (
        LOCAL + "  other: {slots: 2}\n",
        "pair.yaml:3: nodes: provider local has one node, this machine, and here are 2. "
        "Fix: keep one node and raise its `slots`",
    ),
    "a volume": (
        LOCAL + "storage: {kind: volume}\n",
        "pair.yaml:5: storage.kind: `volume` is for provider docker, and this one is local. "
        "Fix: take `storage` out",
    ),
}


@pytest.mark.parametrize(("text", "expected"), LOCAL_CASES.values(), ids=LOCAL_CASES)
def test_a_mistake_of_a_local_inventory(text: str, expected: str):
    assert mistakes(text) == expected


START = "write the keys `cluster`, `provider` and `nodes`; `clusterkit init` makes a first one"
LOOK = "check quotes, brackets and indentation on this line and the one before"

FILES = {
    "empty": (b"", f"pair.yaml:1: the file is empty. Fix: {START}"),
    "comments only": (b"# later\n", f"pair.yaml:1: the file is empty. Fix: {START}"),
    "a list": (b"- cluster: x\n", f"pair.yaml:1: must be a mapping, not a list. Fix: {START}"),
    "a text": (b"cluster\n", f"pair.yaml:1: must be a mapping, not `cluster`. Fix: {START}"),
    "another encoding": (
        b"cluster: pair\n# caf\xe9\n",
        "pair.yaml:2: is not UTF-8 text. Fix: save the file as UTF-8",
    ),
    "a control character": (
        b"cluster: pair\nprovider: \x01\n",
        f"pair.yaml:2: not YAML: a character that YAML does not allow. Fix: {LOOK}",
    ),
    "an alias to itself": (
        b"a: &a [*a]\n",
        f"pair.yaml:1: not YAML: its aliases repeat without end. Fix: {LOOK}",
    ),
    "two documents": (
        b"---\ncluster: a\n---\ncluster: b\n",
        f"pair.yaml:3: not YAML: but found another document. Fix: {LOOK}",
    ),
    "a Python object": (
        b"cluster: !!python/object/apply:os.getcwd []\n",
        "pair.yaml:1: cluster: must be text, not a list. Fix: write for example `cluster: pair`\n"
        "pair.yaml:1: provider: missing. Fix: add `provider: docker`\n"
        'pair.yaml:1: nodes: missing. Fix: add `nodes: {"node[1-2]": {"slots": 2}}`',
    ),
}


@pytest.mark.parametrize(("content", "expected"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_inventory_at_all(content: bytes, expected: str):
    assert mistakes(content) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("missing.yaml", "missing.yaml: no such file. Fix: check the path"),
        (".", ".: is a folder. Fix: name the file in it"),
        (
            "a-file/pair.yaml",
            "a-file/pair.yaml: cannot be read (not a directory). "
            "Fix: check the path and its permissions",
        ),
    ],
)
def test_a_path_that_cannot_be_read(path: str, expected: str):
    Path("a-file").touch()
    with pytest.raises(FileMistakes) as caught:
        load_inventory(Path(path))
    assert str(caught.value) == expected


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


def test_a_place_in_a_block_has_its_own_line():
    text = LOCAL + "engine:\n  name: transformers\n\n  # split\n  pp: x\n"
    assert mistakes(text) == (
        "pair.yaml:9: engine.pp: must be a whole number, not `x`. Fix: write for example `pp: 2`"
    )


def test_a_setting_that_is_merged_in_points_to_the_node():
    text = LOCAL.replace("localhost: {slots: 2}", "localhost:\n    <<: {slots: 0}")
    assert mistakes(text) == (
        "pair.yaml:4: nodes.localhost.slots: must be at least 1, not `0`. "
        "Fix: write for example `slots: 2`"
    )

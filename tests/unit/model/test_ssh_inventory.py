from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterkit.model.addresses import common_subnet
from clusterkit.model.load import load_inventory
from clusterkit.model.node_sets import expand
from clusterkit.model.ssh_inventory import ssh_inventory
from clusterkit.model.ssh_nodes import Access, SshNode

ACCESS = st.builds(
    Access,
    user=st.none() | st.sampled_from(["ubuntu", "o'neil", "true", "7"]),
    port=st.none() | st.integers(1, 65535),
    key_file=st.none() | st.sampled_from(["/k/id", "/a b/#c", "/é: [x]"]),
    jump=st.none() | st.sampled_from(["me@bastion:22", "10.0.0.1", "a,b"]),
)
NAMES = st.lists(
    st.from_regex(r"[a-z]{1,2}(-?[0-9]{1,3}){0,2}", fullmatch=True),
    unique=True,
    min_size=1,
    max_size=12,
)


@st.composite
def machines(draw: st.DrawFn) -> list[SshNode]:
    """Nodes in any order, some alike; hosts and addresses differ from node to node."""
    access, slots = [draw(ACCESS), draw(ACCESS)], st.none() | st.integers(1, 64)
    form = draw(st.sampled_from(["{}", "{}.example.net", "x{}-0"]))
    return [
        SshNode(
            name,
            host=draw(st.sampled_from([None, f"h-{form}".format(name)])),
            address=draw(st.sampled_from([None, f"10.1.0.{number + 5}"])),
            slots=draw(slots),
            gpus=draw(st.sampled_from([(), (0,), tuple(range(8)), (1, 3)])),
            access=draw(st.sampled_from(access)),
            comment=draw(st.sampled_from(["", "8 x H200", "one\ntwo"])),
        )
        for number, name in enumerate(draw(NAMES))
    ]


def load(text: str, folder: Path) -> list[SshNode]:
    """The nodes that an inventory has, in the form in which they were given."""
    path = folder / "made.yaml"
    path.write_text(text)
    cluster = load_inventory(path).resolve(
        base=Path("/"), local_home=Path("/home"), local_storage=Path("/storage")
    )
    assert cluster.provider == "ssh"
    found = []
    for node in cluster.nodes:
        machine = node.machine
        assert machine is not None
        access = Access(machine.user, machine.port, machine.key_file, machine.jump)
        found.append(SshNode(node.name, machine.host, node.address, node.slots, node.gpus, access))
    return found


@given(nodes=machines())
def test_what_is_written_reads_back(tmp_path_factory: pytest.TempPathFactory, nodes):
    text = ssh_inventory(nodes, cluster="lab", subnet="10.1.0.0/16", head=["One.", "Two."])

    assert load(text, tmp_path_factory.mktemp("made")) == [
        SshNode(
            node.name,
            node.host or node.name,
            node.address,
            node.slots or len(node.gpus) or 1,
            node.gpus,
            node.access,
        )
        for node in nodes
    ]


def test_nodes_that_are_alike_share_a_line(tmp_path: Path):
    common = Access("ubuntu", None, "~/.ssh/id_ed25519", "me@bastion:22")
    nodes = [
        SshNode(
            f"gpu{n:02}",
            f"gpu{n:02}.example.net",
            f"10.0.0.{10 + n}",
            8,
            tuple(range(8)),
            common if n != 3 else Access("other", 2222, "~/.ssh/id_ed25519", "me@bastion:22"),
            comment="rack 2\nlent until May" if n == 5 else "",
        )
        for n in range(1, 6)
    ]

    text = ssh_inventory(
        nodes,
        cluster="lab",
        subnet="10.0.0.0/24",
        head=["Machines of hosts.ini."],
        groups={"workers": ["gpu02", "gpu03", "gpu05"]},
    )

    assert text == WHOLE
    assert [node.name for node in load(text, tmp_path)] == [node.name for node in nodes]


WHOLE = """\
# Machines of hosts.ini.

cluster: lab
provider: ssh
runtime: bare                   # or docker: one container on each machine

# How to log in; the rest is as your ~/.ssh/config says.
ssh: {user: ubuntu, key_file: "~/.ssh/id_ed25519", jump: "me@bastion:22"}

defaults:
  slots: 8                      # room for this many MPI ranks
  gpus: 0-7                     # the ranks take them in turn

# The first node is the head, where mpirun starts.
nodes:
  gpu[01-02]: {host: "gpu[01-02].example.net", address: "10.0.0.[11-12]"}
  gpu03: {host: gpu03.example.net, address: "10.0.0.13", ssh: {user: other, port: 2222}}
  gpu04: {host: gpu04.example.net, address: "10.0.0.14"}
  # rack 2
  gpu05: {host: gpu05.example.net, address: "10.0.0.15"}  # lent until May

# @NAME in every verb that takes nodes.
groups:
  workers: "gpu[02-03,05]"

network:
  subnet: 10.0.0.0/24           # the network that the machines share

# Without this, each node has files of its own, and a copy of the model:
# storage: {kind: bind, path: /mnt/shared}      # a folder that every machine has mounted

engine:
  name: transformers
  model: smollm2-135m           # or hub/name, a Hugging Face folder, a GGUF file
  pp: 2                         # pipeline parallel: the layers over this many ranks
  tp: 1                         # tensor parallel: every layer over this many ranks
"""


@pytest.mark.parametrize(
    ("addresses", "subnet"),
    [
        ([], None),
        (["10.0.0.1"], "10.0.0.0/24"),
        (["10.0.0.1", "10.0.0.200"], "10.0.0.0/24"),
        (["10.0.0.1", "10.0.3.9"], "10.0.0.0/22"),
        (["10.0.0.1", "10.1.0.1"], None),
        (["10.0.0.1", "gpu1"], None),
        (["127.0.0.1", "127.0.0.2"], None),
    ],
)
def test_a_subnet_is_guessed_from_addresses(addresses: list[str], subnet: str | None):
    assert common_subnet(addresses) == subnet


def test_the_order_of_nodes_is_kept():
    nodes = [SshNode(name) for name in ("b2", "b1", "a1", "a2", "a3")]

    text = ssh_inventory(nodes, cluster="lab", subnet="10.0.0.0/24")

    lines = text.partition("nodes:\n")[2].partition("\n\n")[0].split()
    assert [name for line in lines for name in expand(line.rstrip(":"))] == [
        node.name for node in nodes
    ]
    assert lines == ["b2:", "b1:", "a[1-3]:"]

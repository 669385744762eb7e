from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterkit.model.base import is_name
from clusterkit.model.imported.found import Found, FoundHost, Line, Remarks
from clusterkit.model.imported.nodes import as_nodes, guessed_subnet, node_names, with_subnet
from clusterkit.model.ssh_nodes import Access, SshNode
from tests.unit.model.imported.reading import mistakes


def host(name: str, number: int, **known: object) -> FoundHost:
    return FoundHost(name, Line("f", number), **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "made"),
    [
        (["gpu1", "gpu2"], ["gpu1", "gpu2"]),
        (["gpu1.a.net", "gpu2.a.net"], ["gpu1", "gpu2"]),
        (["gpu1.a.net", "gpu1.b.net"], ["gpu1-a-net", "gpu1-b-net"]),
        (["gpu1", "gpu1.b.net"], ["gpu1", "gpu1-b-net"]),
        (["10.0.0.1", "10.0.0.2"], ["node-10-0-0-1", "node-10-0-0-2"]),
        (["GPU_1", "gpu-1", "gpu_1"], ["gpu-1-2", "gpu-1", "gpu-1-3"]),
        (["7", "_", "é", "fe80::1"], ["node-7", "node", "node-2", "fe80-1"]),
        (["a" * 70, "A" * 70], ["a" * 63, f"{'a' * 57}-2"]),
    ],
)
def test_names(names: list[str], made: list[str]):
    assert [node_names(names)[name] for name in names] == made


@given(st.lists(st.text(min_size=1, max_size=70), unique=True, max_size=20))
def test_every_host_gets_a_name_of_its_own(names: list[str]):
    made = node_names(names)
    assert set(made) == set(names)
    assert len(set(made.values())) == len(names)
    assert all(map(is_name, made.values()))


def test_hosts_become_nodes():
    access, remarks = Access("u", 22, "~/.ssh/id", "gate"), Remarks()
    found = Found(
        (
            host("GPU_1", 3, access=access, gpus=2),
            host("gpu2.lan", 4, slots=4),
            host("gpu3", 5, host="10.0.0.3", address="10.0.0.3"),
            host("again", 6, host="10.0.0.3"),
        ),
        {
            "gpu nodes": ("GPU_1", "gpu3"),
            "all": ("GPU_1",),
            "gpu3": ("gpu3", "again"),
            "x": ("again",),
        },
    )

    nodes = as_nodes(found, remarks)

    assert nodes.nodes == (
        SshNode("gpu-1", "GPU_1", access=access, gpus=(0, 1)),
        SshNode("gpu2", "gpu2.lan", slots=4),
        SshNode("gpu3", "10.0.0.3", "10.0.0.3"),
    )
    assert nodes.groups == {
        "gpu-nodes": ("gpu-1", "gpu3"),
        "all-group": ("gpu-1",),
        "gpu3-group": ("gpu3",),
    }
    assert mistakes(remarks) == []
    choose = "Fix: choose another name, if you like"
    assert remarks.texts() == (
        "f:3: what cannot be a node's name: GPU_1 is gpu-1 here, gpu2.lan is gpu2 here. "
        "Fix: choose other names in the inventory, if you like; `host` says where each is",
        f"f:3: group gpu nodes is @gpu-nodes here. {choose}",
        f"f:3: group all is @all-group here. {choose}",
        f"f:5: group gpu3 is @gpu3-group here. {choose}",
        "f:6: again is left out: it is the same machine as gpu3, 10.0.0.3. "
        "Fix: for more ranks, raise `slots` in the inventory",
    )


def test_a_group_of_all_is_all():
    found = Found((host("a", 1), host("b", 2)), {"all": ("a", "b")})
    remarks = Remarks()
    assert (as_nodes(found, remarks).groups, remarks.texts()) == ({}, ())


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (host("-oProxyCommand=x", 1), "'-oProxyCommand=x' is no host"),
        (host("a b", 1), "'a b' is no host"),
        (host("a", 1, host="$(x)"), "'$(x)' is no host"),
        (host("a", 1, host="a,b"), "'a,b' is no host"),
        (host("a", 1, host="a[1-2]"), "'a[1-2]' is no host"),
        (host("a\x00", 1), "'a\\x00' is no host"),
        (host("a", 1, access=Access(user="-x")), "'-x' is no user"),
        (host("a", 1, access=Access(user="a b")), "'a b' is no user"),
        (host("a", 1, access=Access(jump="-W x")), "'-W x' is no jump host"),
        (host("a", 1, access=Access(key_file="a\nb")), "'a\\nb' is no key file"),
    ],
)
def test_values_that_cannot_be(wrong: FoundHost, what: str):
    remarks = Remarks()
    as_nodes(Found((wrong,)), remarks)
    assert [text.partition(". Fix: ")[0] for text in mistakes(remarks)] == [f"f:1: {what}"]


def test_addresses_elsewhere_are_left_out():
    remarks, found = Remarks(), ["10.0.0.1", "10.1.0.2", "10.0.0.1", None]
    hosts = tuple(host(f"n{n}", n, address=address) for n, address in enumerate(found, 1))

    nodes = with_subnet(as_nodes(Found(hosts), remarks), "10.0.0.0/24", remarks)

    assert [node.address for node in nodes.nodes] == ["10.0.0.1", None, None, None]
    assert remarks.texts() == (
        "f:2: the addresses of n[2-3] are left out: they are not in 10.0.0.0/24, or another's. "
        "Fix: nothing, if the machines have others there: those are found",
    )


def test_a_subnet_is_guessed_only_where_all_are_known():
    def guess(*known: dict[str, str]) -> str | None:
        hosts = [host(f"n{n}", n, **each) for n, each in enumerate(known)]
        return guessed_subnet(as_nodes(Found(tuple(hosts)), Remarks()))

    assert guess({"host": "10.0.0.1"}, {"host": "x", "address": "10.0.0.2"}) == "10.0.0.0/24"
    assert guess({"host": "10.0.0.1"}, {}) is None


def test_only_some():
    found = Found((host("a", 1), host("b", 2)), {"g": ("a", "b"), "h": ("b",)})
    nodes = as_nodes(found, Remarks()).only(["a"])
    assert ([node.name for node in nodes.nodes], nodes.groups) == (["a"], {"g": ("a",)})

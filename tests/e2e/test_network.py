"""Traffic stays on the cluster network, whatever else a node has; slow links are named.

Interfaces and links are changed from a side container in the node's network namespace: nodes
themselves may not.
"""

from __future__ import annotations

import json

from tests.e2e.pair import Pair

PARTS = {"nodes": {"node[1-3]": {"slots": 1}}}


def change(pair: Pair, node: str, *lines: str) -> None:
    """Run lines of ``ip`` and ``tc`` in a node's network namespace."""
    output = pair.engine.containers.run(
        pair.image,
        ["sh", "-ec", "\n".join(lines)],
        network_mode=f"container:{pair.name}-{node}",
        cap_add=["NET_ADMIN"],
        remove=True,
        stderr=True,
    )
    assert b"rror" not in output, output


def test_a_bridge_like_dockers_within_the_subnet_is_not_taken(pair: Pair) -> None:
    extra = pair.address(66)
    lines = (
        "ip link add docker0 type bridge",
        f"ip addr add {extra}/32 dev docker0",
        "ip link set docker0 up",
    )
    try:
        for node in ("node1", "node2"):
            change(pair, node, *lines)
        hello = pair.answer("mpi-hello")
        hello_of_one = pair.answer("mpi-hello", "--ranks", "1")
    finally:
        for node in ("node1", "node2"):
            change(pair, node, "ip link del docker0")

    ways = [[{"interface": "eth0", "address": pair.address(number)}] for number in (1, 2, 3)]
    assert [rank["ways"] for rank in hello["ranks"]] == ways
    assert (hello["ok"], hello_of_one["ok"], hello_of_one["ranks"][0]["ways"]) == (True, True, [])


def test_a_node_without_an_interface_in_the_subnet_is_named(pair: Pair) -> None:
    def rename(old: str, new: str) -> None:
        change(
            pair,
            "node2",
            f"ip link set {old} down",
            f"ip link set {old} name {new}",
            f"ip link set {new} up",
        )

    rename("eth0", "docker0")
    try:
        done = pair("mpi-hello")
    finally:
        rename("docker0", "eth0")

    address = pair.address(2)
    assert done.returncode == 1
    assert (
        f": node2: no interface has {address} of the cluster network {pair.subnet}; it has "
        f"docker0 {address} (never used).\n"
        "Fix: correct `network.subnet` or the node's `address` in the inventory"
    ) in done.stderr
    assert pair.answer("mpi-hello")["ok"]


def test_bench_net_names_the_slow_link(pair: Pair) -> None:
    slow = pair.address(3)
    change(
        pair,
        "node1",
        "tc qdisc add dev eth0 root handle 1: htb default 1",
        "tc class add dev eth0 parent 1: classid 1:1 htb rate 100gbit quantum 60000",
        "tc class add dev eth0 parent 1: classid 1:3 htb rate 50mbit quantum 60000",
        f"tc filter add dev eth0 parent 1: protocol ip u32 match ip dst {slow} flowid 1:3",
    )
    try:
        bench = pair.answer("bench", "net", "--sizes", "256k,4m")
        shown = pair("bench", "net", "node1,node3", "--sizes", "1m")
    finally:
        change(pair, "node1", "tc qdisc del dev eth0 root")

    nodes = ["node1", "node2", "node3"]
    links = {(link["source"], link["target"]): link for link in bench["links"]}
    assert bench["nodes"] == nodes
    assert list(links) == [
        (source, target) for source in nodes for target in nodes if source != target
    ]
    assert bench["slowest"] == ["node1", "node3"]
    found = links["node1", "node3"]
    assert found["is_slow"]
    assert 3e6 < found["bandwidth_bytes_per_s"] < 6.25e6  # 50 Mbit/s, less what TCP adds
    assert [each["size_bytes"] for each in found["bandwidths"]] == [256 << 10, 4 << 20]
    assert bench["pairs_at_once"] == 1
    assert shown.returncode == 0, shown.stderr
    assert "* slowest: node1 -> node3, " in shown.stdout


def test_bench_net_needs_two_nodes(pair: Pair) -> None:
    done = pair("bench", "net", "node2")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Error: `bench net` measures between nodes, and node2 is only one.\n"
        "Fix: name two nodes or more, of a cluster that has them\n"
    )


def test_an_interface_that_open_mpi_refuses_is_a_failure(described: Pair) -> None:
    wrong = {"OMPI_MCA_btl_tcp_if_include": "203.0.113.0/24"}
    described.describe(container={"image": described.image, "shm_size": "64m", "env": wrong})
    described.up()

    done = described("mpi-hello")

    note, error, fix = done.stderr.splitlines()
    assert done.returncode == 1
    assert note == (
        "Note: every node: OMPI_MCA_btl_tcp_if_include=203.0.113.0/24 is set there, and is used "
        f"in place of {described.subnet}"
    )
    job = json.loads(described("jobs", "-o", "json").stdout)["jobs"][0]["id"]
    assert error in {
        f"Error: job {job}: {node}: Open MPI cannot use btl_tcp_if_include = 203.0.113.0/24, and "
        "would go on without it: Did not find interface matching this subnet."
        for node in ("node1", "node2")
    }
    assert fix == (
        "Fix: correct OMPI_MCA_btl_tcp_if_include, where that node's environment sets it, or else "
        "`network.subnet` in the inventory"
    )

"""`status -o wide` and `-o json` tell all of each node's machine; `status` asks for less."""

from __future__ import annotations

import json
import time

from tests.e2e.pair import Pair


def test_every_node_tells_what_its_machine_is(pair: Pair):
    done = pair("status", "-o", "json")

    assert done.returncode == 0
    machines = [node["machine"] for node in json.loads(done.stdout)["nodes"]]
    assert [machine["hostname"] for machine in machines] == ["node1", "node2"]
    assert [machine["mpis"][0]["version"] for machine in machines] == ["5.0.11", "5.0.11"]
    for number, machine in enumerate(machines, 1):
        addresses = [text for nic in machine["nics"] for text in nic["addresses"]]
        assert f"{pair.address(number)}/24" in addresses


def test_wide_shows_the_interface_of_the_cluster_network(pair: Pair):
    began = time.monotonic()
    lines = pair("status", "-o", "wide").stdout.splitlines()
    assert time.monotonic() - began < 20

    head = next(number for number, line in enumerate(lines) if "DRIVER" in line)
    assert " ".join(lines[head].split()) == (
        "NODE DISK FREE GPUS DRIVER NETWORK DOCKER MPI OS KERNEL ARCH USER /dev/shm MEMLOCK"
    )
    for number in (1, 2):
        assert f"eth0 {pair.address(number)}/24 10 Gb/s" in lines[head + number]
        assert "Open MPI 5.0.11" in lines[head + number]
    assert "DRIVER" not in pair("status").stdout

from __future__ import annotations

import sys

from clusterkit.command import Step
from clusterkit.errors import TransportError
from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Node, Storage
from clusterkit.results.status import NodeStatus
from clusterkit.tasks.node_facts import LookAtNode
from clusterkit.tasks.payload import Payload
from clusterkit.use_cases.session import Session
from clusterkit.use_cases.status import _row, status, status_steps
from tests.unit.pair import node, pair
from tests.unit.providers.machines import machine
from tests.unit.tasks.shell import apply

FACTS = NodeFacts("node1", 2, 8, 4, "/python", "3.11.2", "/mpirun", "5.0.11", {"mpi4py": "4.1.1"})


def test_a_node_whose_container_does_not_run_says_so():
    assert _row(node(1), "stopped", {}) == NodeStatus(
        name="node1",
        address="192.168.123.111",
        state="stopped",
        why="its container is stopped",
        slots=2,
    )


def test_a_machine_without_what_up_puts_there_is_absent():
    row = _row(machine(1), "absent", {})

    assert (row.state, row.why) == ("absent", "its folder is not there")


def test_a_node_that_does_not_answer_says_why():
    error = TransportError("node1", "no route to host")

    assert _row(node(1), "up", {"node1": error}) == NodeStatus(
        name="node1",
        address="192.168.123.111",
        state="unreachable",
        why="no route to host",
        slots=2,
    )


def test_a_node_that_lacks_something_is_up_and_says_what():
    row = _row(node(1, gpus=(0,)), "up", {"node1": FACTS})

    assert row == NodeStatus(
        name="node1",
        address="192.168.123.111",
        state="up",
        slots=2,
        cores=2,
        memory_bytes=8,
        memory_available_bytes=4,
        python_version="3.11.2",
        mpi_version="5.0.11",
        packages={"mpi4py": "4.1.1"},
        problems=(
            "GPU 0 asked for, but it has no GPU that nvidia-smi shows. Fix: correct `gpus` in "
            "the inventory, or take it out to run on the CPU",
        ),
    )


def test_a_dry_run_prints_the_look_that_is_taken(tmp_path):
    assert status_steps(Session(pair(), tmp_path)) == [
        Step(name, "look at the node", LookAtNode(pair().node(name)).probe(), stage="reach")
        for name in ("node1", "node2")
    ]


def test_a_cluster_that_did_not_come_up_to_its_end_is_looked_at_all_the_same(tmp_path):
    cluster = pair(
        provider="local",
        nodes=(Node("localhost", 2, python=sys.executable),),
        storage=Storage("local", str(tmp_path)),
        home=str(tmp_path / "home"),
    )
    apply(Payload("localhost", cluster.home).plan(None))

    found = status(Session(cluster, tmp_path / "state"))

    assert [(row.name, row.state, row.why) for row in found.nodes] == [("localhost", "up", None)]
    assert found.storage.free_bytes > 0
    assert (found.model.name, found.model.state) == ("smollm2-135m", "absent")
    assert found.jobs_running == ()

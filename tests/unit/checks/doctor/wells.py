"""A cluster of three machines that are well, to which one thing at a time happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from clusterkit.checks.doctor.seen import Clock, JobSeen, Login, Reach, Seen
from clusterkit.facts import Disk, Docker, Gpu, MachineFacts, Mpi, Nic, NodeFacts
from clusterkit.model.cluster import Cluster, Node, Storage
from clusterkit.model.engine import EngineSettings

GIB = 1 << 30
NAMES = ("node1", "node2", "node3")


def gpu(index: int, name: str = "H200", driver: str = "580.65") -> Gpu:
    return Gpu(index, f"GPU-{index}", name, 140 * GIB, driver_version=driver)


def node(number: int) -> Node:
    return Node(f"node{number}", slots=2, address=f"10.0.0.{10 + number}")


def facts(number: int) -> NodeFacts:
    return NodeFacts(
        hostname=f"node{number}",
        cores=8,
        memory_bytes=64 * GIB,
        memory_available_bytes=60 * GIB,
        python="/opt/venv/bin/python",
        python_version="3.11.7",
        mpirun="/opt/venv/bin/mpirun",
        mpi_version="5.0.11",
        packages={"torch": "2.13.0", "transformers": "5.20.2"},
    )


def machine(number: int) -> MachineFacts:
    return MachineFacts(
        hostname=f"node{number}",
        os_id="ubuntu",
        os_id_like=("debian",),
        architecture="x86_64",
        user="ubuntu",
        disks=(Disk("/home/ubuntu", 100 * GIB, 50 * GIB), Disk("/scratch", 20 * GIB, 10 * GIB)),
        shm_bytes=32 * GIB,
        stack_bytes=8 << 20,
        nics=(
            Nic("lo", "loopback", addresses=("127.0.0.1/8",)),
            Nic("eth0", "physical", "up", (f"192.0.2.{number}/24",)),
            Nic("eth1", "physical", "up", (f"10.0.0.{10 + number}/24",)),
        ),
        docker=Docker("28.0", "28.0"),
        mpis=(Mpi("/opt/venv/bin/mpirun", "Open MPI", "5.0.11"),),
    )


CLUSTER = Cluster(
    name="lab",
    provider="ssh",
    nodes=tuple(node(number) for number in (1, 2, 3)),
    storage=Storage("bind", "/mnt/shared"),
    engine=EngineSettings(),
    subnet="10.0.0.0/24",
)
WELL = Seen(
    CLUSTER,
    CLUSTER.nodes,
    facts={f"node{number}": facts(number) for number in (1, 2, 3)},
    machines={f"node{number}": machine(number) for number in (1, 2, 3)},
    clocks={name: Clock(0.1, 0.001) for name in NAMES},
    reach={
        "node1": Reach(4, logins=(Login("node2"), Login("node3"))),
        "node2": Reach(4),
        "node3": Reach(4),
    },
    storage_free_bytes=dict.fromkeys(NAMES, 500 * GIB),
    not_shared=(),
    ring=JobSeen(
        6, tuple({"rank": rank, "is_right": True, "took_s": 0.0021} for rank in range(6))
    ),
)


def with_facts(name: str, **changes: Any) -> Seen:
    return replace(WELL, facts={**WELL.facts, name: replace(WELL.facts[name], **changes)})


def with_machine(name: str, **changes: Any) -> Seen:
    changed = replace(WELL.machines[name], **changes)
    return replace(WELL, machines={**WELL.machines, name: changed})


def with_all_machines(change: Callable[[MachineFacts], MachineFacts]) -> Seen:
    return replace(WELL, machines={name: change(its) for name, its in WELL.machines.items()})


def without(name: str, why: str, seen: Seen = WELL) -> Seen:
    """The same, but one node does not answer."""

    def rest(its: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in its.items() if key != name}

    return replace(
        seen,
        silent={name: why},
        facts=rest(seen.facts),
        machines=rest(seen.machines),
        clocks=rest(seen.clocks),
        storage_free_bytes=rest(seen.storage_free_bytes),
        reach={
            each: replace(its, logins=tuple(login for login in its.logins if login.to != name))
            for each, its in rest(seen.reach).items()
        },
    )


def with_gpus(seen: Seen = WELL, *, slots: int = 2) -> Seen:
    """The same nodes with two GPUs each."""
    gpus = (gpu(0), gpu(1))
    nodes = tuple(replace(each, gpus=(0, 1), slots=slots) for each in seen.nodes)
    return replace(
        seen,
        cluster=replace(seen.cluster, nodes=nodes),
        nodes=nodes,
        facts={name: replace(its, gpus=gpus) for name, its in seen.facts.items()},
        machines={name: replace(its, gpus=gpus) for name, its in seen.machines.items()},
    )

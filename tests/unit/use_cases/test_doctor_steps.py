from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clusterkit.model.options import DoctorOptions
from clusterkit.use_cases.doctor_steps import doctor_steps
from clusterkit.use_cases.session import Session
from tests.unit.pair import pair

LOOKS = ["look at the node", "look at the machine", "look at the storage", "read the clock"]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(pair(), tmp_path)


def steps(session: Session, nodes: str = "@all") -> list[tuple[str, str, str]]:
    return [
        (step.stage, step.node, step.summary)
        for step in doctor_steps(session, DoctorOptions(nodes=nodes))
    ]


def test_everything_that_the_doctor_asks_is_told_in_its_order(session: Session):
    assert steps(session) == [
        *(("look", node, look) for node in ("node1", "node2") for look in LOOKS),
        ("reach", "node1", "listen, and connect to all others"),
        ("reach", "node2", "listen, and connect to all others"),
        ("reach", "node1", "log in to all others"),
        ("storage", "node1", "write a nonce"),
        ("storage", "node2", "write a nonce"),
        ("storage", "node1", "read what others wrote"),
        ("storage", "node2", "read what others wrote"),
        ("storage", "node1", "remove the nonce"),
        ("storage", "node2", "remove the nonce"),
        ("job", "node1", "start every rank"),
        ("job", "node1", "rank 0"),
        ("job", "node1", "rank 1"),
        ("job", "node2", "rank 2"),
        ("job", "node2", "rank 3"),
    ]


def test_some_nodes_only(session: Session):
    assert [each for each in steps(session, "node2") if each[0] in ("look", "reach", "job")] == [
        *(("look", "node2", look) for look in LOOKS),
        ("job", "node1", "start every rank"),
        ("job", "node2", "rank 0"),
        ("job", "node2", "rank 1"),
    ]


def test_gpus_join_in_a_job_of_their_own(session: Session):
    cluster = session.cluster
    nodes = tuple(replace(node, gpus=(0, 1, 2)) for node in cluster.nodes)
    with_gpus = Session(replace(cluster, nodes=nodes), session.folder)

    jobs = [each for each in steps(with_gpus) if each[0] == "job"]
    assert [each[2] for each in jobs] == [
        *("start every rank", "rank 0", "rank 1", "rank 2", "rank 3"),
        *("start every rank", *(f"rank {number}" for number in range(6))),
    ]
    program = doctor_steps(with_gpus, DoctorOptions())[-1].action
    assert program.argv[-1] == "nccl_allreduce"
    assert (program.env["LOCAL_RANK"], program.env["CUDA_VISIBLE_DEVICES"]) == ("2", "0,1,2")

"""The jobs of a server with replicas: what each is told, and who knows which key."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from clusterkit.errors import UsageError
from clusterkit.model.engine import EngineSettings
from clusterkit.model.serve_options import ServeOptions
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.replicas import replica_group
from clusterkit.use_cases.serve import listening, used_nodes
from clusterkit.use_cases.serve_group import Group
from clusterkit.use_cases.serve_wish import serving
from clusterkit.use_cases.session import Session
from tests.unit.pair import pair

SESSION = Session(pair(engine=EngineSettings(model="smollm2-135m", pp=2)), Path("/state"))


def group(**options: Any) -> Group:
    asked = ServeOptions(replicas=2, **options)
    return replica_group(
        SESSION,
        asked,
        listening(SESSION, asked),
        folder="/shared/m",
        facts=planned_facts(SESSION.cluster),
    )


def told(job: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(job.program.files["input.json"])
    return found


def test_each_replica_is_a_job_of_its_own_and_the_router_one_on_the_head() -> None:
    made = group(port=9000, drain_s=5, detach=True, restart=1)

    first, second = made.replicas
    assert [job.id for job in made.replicas] == [f"{made.name}-r0", f"{made.name}-r1"]
    assert [job.placement.nodes for job in made.replicas] == [("node1",), ("node2",)]
    assert (first.verb, made.front.verb) == ("serve-replica", "serve")
    assert [(told(job)["host"], told(job)["port"]) for job in (first, second, made.front)] == [
        ("192.168.123.111", 0),
        ("192.168.123.112", 0),
        ("127.0.0.1", 9000),
    ]
    assert made.front.program.argv[-1] == "route"
    assert [rank.node for rank in made.front.placement.ranks] == ["node1"]
    assert told(made.front)["replicas"] == [
        {"name": "0", "folder": first.head.folder(first.id), "host": "192.168.123.111"},
        {"name": "1", "folder": second.head.folder(second.id), "host": "192.168.123.112"},
    ]
    assert {job.restarts for job in (first, second, made.front)} == {1}
    assert (first.grace_s, made.front.grace_s) == (8, 9)


def test_replicas_know_the_digest_of_the_routers_key_alone(tmp_path: Path) -> None:
    users = tmp_path / "keys"
    users.write_text("0123456789abcdef")
    users.chmod(0o600)
    made, other = group(api_key_file=users), group()

    key = made.front.program.files["key"]
    assert {tuple(told(job)["api_keys_sha256"]) for job in made.replicas} == {
        (hashlib.sha256(key).hexdigest(),)
    }
    assert told(made.front)["api_keys_sha256"] == [hashlib.sha256(b"0123456789abcdef").hexdigest()]
    assert len(key) >= 32
    assert key != other.front.program.files["key"]
    assert key.decode() not in repr(made) + repr(made.steps())


def test_nodes_of_all_replicas_get_the_model() -> None:
    assert used_nodes(SESSION, ServeOptions(replicas=2)) == ("node1", "node2")


def test_a_vendors_server_has_no_replicas() -> None:
    settings = TensorRtLlmSettings(name="tensorrt-llm", model="/m", pp=2, version="1.2.0")
    session = Session(pair(engine=settings), Path("/state"))
    with pytest.raises(UsageError, match="`--replicas`: the server of engine tensorrt-llm is its"):
        serving(session, ServeOptions(replicas=2))

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clusterkit.errors import UsageError
from clusterkit.model.cluster import Storage
from clusterkit.model.engines_options import EnginesOptions
from clusterkit.placement import place_stages
from clusterkit.tasks.payload import payload_name
from clusterkit.use_cases.engine_pushing import Taker, push_steps, takers_of
from clusterkit.use_cases.engines_push import push_named_steps
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session
from tests.unit.pair import pair

SYNC = replace(pair(), storage=Storage("sync", "/data/ck"))
ENGINE = "/data/ck/clusterkit/engines/llama-0123456789ab"
PAYLOADS = f"/var/lib/clusterkit/{payload_name()}"
MANIFEST: dict[str, Any] = {
    "name": "llama",
    "files": {name: {"size": 1, "sha256": name} for name in ("c", "r0", "r1")},
    "engine": {"rank_files": [["r0"], ["r1"]], "common_files": ["c"]},
}


def test_all_nodes_with_ranks_but_the_head_take_what_those_need():
    facts = planned_facts(SYNC)
    found = takers_of(SYNC, MANIFEST, place_stages(SYNC, tp=1, pp=2), facts)

    taker = Taker("node2", "192.168.123.112", facts["node2"].python, PAYLOADS, ("c", "r1"))
    assert found == (taker,)


def test_nobody_takes_anything_where_storage_is_shared():
    placement = place_stages(pair(), tp=1, pp=2)

    assert takers_of(pair(), MANIFEST, placement, planned_facts(pair())) == ()


def test_the_steps_are_a_look_on_each_node_and_one_push_from_the_head():
    facts = planned_facts(SYNC)
    steps = push_steps(SYNC, facts, folder=ENGINE, nodes=["node2"])

    python = facts["node1"].python
    assert [(step.node, str(step.action)) for step in steps] == [
        ("node2", f"{python} -I -S {PAYLOADS} convert --check {ENGINE}"),
        ("node1", f"{python} -I -S {PAYLOADS} push_engine /var/lib/clusterkit/ssh/config"),
    ]
    assert push_steps(SYNC, facts, folder=ENGINE, nodes=[]) == ()


def test_a_push_within_shared_storage_is_refused(tmp_path: Path):
    with pytest.raises(UsageError) as raised:
        push_named_steps(Session(pair(), tmp_path), EnginesOptions(action="push", name="llama"))

    assert str(raised.value) == (
        "cluster pair has storage of kind `volume`, where every node sees the head's engines. "
        "Fix: nothing is to be pushed; run `clusterkit infer`"
    )

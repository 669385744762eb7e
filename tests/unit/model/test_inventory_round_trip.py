"""An inventory that is written and read again means the same cluster."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from clusterkit.errors import FileMistakes
from clusterkit.model.inventory import Inventory
from clusterkit.model.load import load_inventory

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8)
NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True)
NODES = st.fixed_dictionaries(
    {},
    optional={
        "slots": st.integers(1, 9),
        "gpus": st.lists(st.integers(0, 7), min_size=1, max_size=4, unique=True).map(sorted),
        "python": st.just("/usr/bin/python3"),
    },
)
CONTAINERS = st.fixed_dictionaries(
    {"image": st.sampled_from(["a/b:1", "x"])},
    optional={
        "env": st.dictionaries(st.from_regex(r"[A-Z_]{1,6}", fullmatch=True), TEXT, max_size=3),
        "mounts": st.just([{"source": "./data", "path": "/data", "read_only": True}]),
        "ports": st.just(["8000:80"]),
        "shm_size": st.sampled_from(["64m", "1g"]),
        "ulimits": st.just({"memlock": -1}),
        "devices": st.just(["/dev/infiniband"]),
    },
)
INVENTORIES = st.fixed_dictionaries(
    {
        "cluster": NAMES,
        "provider": st.just("docker"),
        "nodes": st.dictionaries(NAMES, NODES | st.none(), min_size=1, max_size=5),
        "network": st.sampled_from([{"subnet": "10.0.0.0/24"}, {"subnet": "192.168.0.0/16"}]),
        "container": CONTAINERS,
    },
    optional={
        "storage": st.sampled_from(
            [{"kind": "volume"}, {"kind": "bind", "source": "./s", "path": "/s"}]
        ),
        "defaults": NODES,
        "engine": st.fixed_dictionaries({}, optional={"pp": st.integers(1, 2)}),
    },
)


@settings(max_examples=60)
@given(INVENTORIES)
def test_what_is_dumped_loads_as_the_same(tmp_path: Path, described: dict[str, Any]):
    file = tmp_path / "first.yaml"
    file.write_text(json.dumps(described))
    try:
        inventory = load_inventory(file)
    except FileMistakes:  # it asks for more than there is
        assume(False)
    dumped = inventory.model_dump(mode="json")

    again = tmp_path / "again.yaml"
    again.write_text(as_yaml(dumped))

    assert load_inventory(again) == inventory == Inventory.model_validate(dumped)
    assert resolved(load_inventory(again)) == resolved(inventory)


def as_yaml(value: Any) -> str:
    text = io.StringIO()
    YAML().dump(value, text)
    return text.getvalue()


def resolved(inventory: Inventory):
    here = Path("/here")
    return inventory.resolve(base=here, local_home=here, local_storage=here)

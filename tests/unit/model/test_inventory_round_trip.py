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

MACHINES = st.fixed_dictionaries(
    {
        "cluster": NAMES,
        "provider": st.just("ssh"),
        "nodes": st.dictionaries(NAMES, NODES | st.none(), min_size=1, max_size=4),
        "network": st.just({"subnet": "10.0.0.0/24"}),
    },
    optional={
        "ssh": st.fixed_dictionaries(
            {},
            optional={
                "user": st.sampled_from(["ubuntu", "ann"]),
                "port": st.integers(1, 65535),
                "trust": st.sampled_from(["known-hosts", "accept-new"]),
                "jump": st.just("ann@gate.example.net:2222"),
            },
        ),
        "storage": st.sampled_from(
            [
                {"kind": "bind", "path": "/mnt/shared"},
                {"kind": "nfs", "source": "files:/export", "path": "/mnt"},
                {"kind": "sync"},
            ]
        ),
        "defaults": NODES,
    },
)


@st.composite
def with_sets(draw: st.DrawFn, inventories: st.SearchStrategy[Any]) -> dict[str, Any]:
    """An inventory, perhaps with spares and groups of its nodes."""
    described = draw(inventories)
    names = list(described["nodes"])
    if draw(st.booleans()):
        spares = draw(st.dictionaries(NAMES, NODES | st.none(), min_size=1, max_size=3))
        described["spares"] = {name: each for name, each in spares.items() if name not in names}
    if draw(st.booleans()):
        chosen = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        described["groups"] = {draw(NAMES): ",".join(chosen)}
    return described


@settings(max_examples=100)
@given(with_sets(INVENTORIES | MACHINES))
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

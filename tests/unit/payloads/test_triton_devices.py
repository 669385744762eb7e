"""Each node's own repository says how many GPUs it has, in the way that its engine hears."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clusterkit.payloads.generate_events import Refused
from clusterkit.payloads.triton_devices import told_by, with_devices

MAPPING = {"tp_size": 3, "pp_size": 1}
NEW = {"version": "0.16.0", "pretrained_config": {"mapping": {**MAPPING, "gpus_per_node": 8}}}
OLD = {"version": "0.9.0", "pretrained_config": {"mapping": MAPPING}}
OLDEST = {"builder_config": {"tensor_parallel": 3}}
IDS = {"gpu_device_ids", "engine_dir"}


@pytest.mark.parametrize(
    ("config", "placeholders", "how"),
    [
        (NEW, IDS, "config"),
        (NEW, set(), "config"),
        (OLD, IDS, "gpu_device_ids"),
        (OLD, {"engine_dir"}, None),
        (OLDEST, IDS, None),  # it takes the rank as an index into the ids
        ({}, IDS, None),
    ],
)
def test_how_an_engine_hears(config: dict[str, Any], placeholders: set[str], how: str | None):
    assert told_by(config, placeholders) == how


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    folder = tmp_path / "engine"
    folder.mkdir()
    (folder / "rank2.engine").write_bytes(b"weights")
    return folder


def filled(engine: Path, config: dict[str, Any], folder: Path) -> dict[str, str]:
    (engine / "config.json").write_text(json.dumps(config))
    values = {"engine_dir": str(engine), "x": "y"}
    return with_devices(values, IDS, folder, {"LOCAL_WORLD_SIZE": "2"})


def test_a_config_of_this_node(engine: Path, tmp_path: Path):
    values = filled(engine, NEW, tmp_path)

    view = tmp_path / "engine-gpus_per_node-2"
    assert values == {"engine_dir": str(view), "x": "y"}
    described = json.loads((view / "config.json").read_text())
    assert described["pretrained_config"]["mapping"] == {**MAPPING, "gpus_per_node": 2}
    assert (view / "rank2.engine").read_bytes() == b"weights"
    assert json.loads((engine / "config.json").read_text()) == NEW


def test_the_ids_of_this_node(engine: Path, tmp_path: Path):
    values = filled(engine, OLD, tmp_path)
    assert values == {"engine_dir": str(engine), "x": "y", "gpu_device_ids": "0,1"}


def test_an_engine_that_cannot_be_told(engine: Path, tmp_path: Path):
    assert filled(engine, OLDEST, tmp_path) == {"engine_dir": str(engine), "x": "y"}


def test_nobody_tells_how_many_ranks_there_are(engine: Path, tmp_path: Path):
    (engine / "config.json").write_text("{}")
    with pytest.raises(Refused):
        with_devices({"engine_dir": str(engine)}, IDS, tmp_path, {})

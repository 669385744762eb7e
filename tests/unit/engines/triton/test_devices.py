"""Which rank would take a GPU that its node has not."""

from __future__ import annotations

from typing import Any

import pytest

from clusterkit.engines.triton.devices import (
    device_problems,
    devices_env,
    must_tell,
    version_problems,
)
from clusterkit.model.triton import TritonSettings
from clusterkit.placement import Placement, Rank

NCCL_ONLY = {"FORCE_NCCL_ALL_REDUCE_STRATEGY": "1"}
NEW = {"pretrained_config": {"mapping": {"gpus_per_node": 8}}}
OLD: dict[str, Any] = {"pretrained_config": {"mapping": {}}}
IDS = {"gpu_device_ids"}


def settings(**changed: Any) -> TritonSettings:
    return TritonSettings.model_validate({"name": "triton", "model": "/engine"} | changed)


def placed(*counts: int, gpus: bool = True) -> Placement:
    """So many ranks on each node."""
    places = [(node, local) for node, count in enumerate(counts, 1) for local in range(count)]
    return Placement(
        tuple(
            Rank(rank, f"node{node}", local, local if gpus else None)
            for rank, (node, local) in enumerate(places)
        )
    )


@pytest.mark.parametrize(
    ("counts", "tells"),
    [
        ((1,), False),
        ((2,), False),
        ((8, 8), False),
        ((1, 1), True),
        ((2, 1), True),
        ((8, 4), True),
    ],
)
def test_who_must_be_told(counts: tuple[int, ...], tells: bool):
    assert must_tell(settings(), placed(*counts)) == tells


def test_who_names_the_gpus_knows_better():
    assert not must_tell(settings(parameters={"gpu_device_ids": "0"}), placed(1, 1))


@pytest.mark.parametrize(
    ("given", "counts", "env"),
    [
        ({"tp": 2}, (1, 1), NCCL_ONLY),
        ({"tp": 2, "version": "0.16.0"}, (1, 1), NCCL_ONLY),
        ({"tp": 2, "version": "0.9.0"}, (1, 1), {}),
        ({"tp": 2, "pp": 2, "version": "0.16.0"}, (2, 2), {}),
        ({"tp": 2, "pp": 4, "version": "0.12.0"}, (4, 4), NCCL_ONLY),
        ({"tp": 2, "pp": 4, "version": "0.16.0"}, (4, 4), {}),
        ({"pp": 2}, (1, 1), {}),
        ({"tp": 2}, (2,), {}),
    ],
)
def test_the_all_reduce(given: dict[str, Any], counts: tuple[int, ...], env: dict[str, str]):
    assert devices_env(settings(**given), placed(*counts)) == env


REFUSED = (
    "node2: rank 1 would take GPU 1 there: this backend assumes 8 on each node and cannot be "
    "told, and nodes have 1 rank each. Fix: all ranks on one node, or build and serve with "
    "TensorRT-LLM 0.10 or newer"
)


@pytest.mark.parametrize(
    ("config", "placeholders", "found"),
    [(NEW, set(), []), (OLD, IDS, []), (OLD, set(), [REFUSED]), ({}, IDS, [REFUSED])],
)
def test_an_engine_that_cannot_be_told(
    config: dict[str, Any], placeholders: set[str], found: list[str]
):
    assert list(device_problems(settings(tp=2), placed(1, 1), config, placeholders)) == found


@pytest.mark.parametrize(
    ("version", "placement", "found"),
    [
        ("0.7.1", placed(1, 1), [REFUSED]),
        ("0.8.0", placed(1, 1), []),  # its templates decide
        ("0.7.1", placed(2), []),
        ("0.7.1", placed(8, 4), []),  # 8 to 11 modulo 8 are 0 to 3
        ("0.7.1", placed(1, 1, gpus=False), []),
        (None, placed(1, 1), []),
    ],
)
def test_a_version_that_cannot_be_told(
    version: str | None, placement: Placement, found: list[str]
):
    assert list(version_problems(settings(tp=2, version=version), placement)) == found

"""What the nodes told is judged before any server starts."""

from __future__ import annotations

from typing import Any

import pytest

from clusterkit.engines.serving import Listening
from clusterkit.engines.triton import Triton
from clusterkit.engines.triton.engine_checks import split_of
from clusterkit.errors import DoesNotFit
from clusterkit.model.triton import TritonSettings
from clusterkit.placement import Placement, Rank
from tests.stand_ins.triton_templates import templates

TWO = Placement((Rank(0, "node1", 0), Rank(1, "node2", 0)))
HEAD = Listening("10.0.0.1", 8000, "10.0.0.1")
GIVEN = {"name": "triton", "model": "/engines/llama", "tp": 2}
CONFIG = {"pretrained_config": {"mapping": {"tp_size": 2, "pp_size": 1}}}
PYTHON = ("preprocessing", "postprocessing", "tensorrt_llm", "tensorrt_llm_bls")


def look(**changed: Any) -> dict[str, Any]:
    """A node on which everything is as it should be."""
    return {
        "has_server": True,
        "templates": templates("0.16.0"),
        "files": {name: {"model.py": "d"} for name in PYTHON},
        "engine": {
            "config": CONFIG,
            "digest": "a",
            "files": ["config.json", "rank0.engine", "rank1.engine"],
        },
        "tokenizer": {"tokenizer.json": "b"},
        "taken": [],
        "servers": [],
        "stale_regions": [],
    } | changed


def check(
    second: dict[str, Any], first: dict[str, Any] | None = None, **settings: Any
) -> tuple[str, ...]:
    engine = Triton(TritonSettings.model_validate(GIVEN | settings))
    looks = {"node1": first or look(), "node2": second}
    return engine.check_looks(looks, TWO, HEAD)


def test_two_nodes_that_agree_are_fine():
    assert check(look()) == ()


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            {"has_server": False},
            "node2: there is no program /opt/tritonserver/bin/tritonserver. Fix: an image with "
            "Triton, or engine.server: where it is",
        ),
        (
            {"templates": {}, "files": {}},
            "node2: /app/all_models/inflight_batcher_llm has no templates. Fix: engine.templates: "
            "the folder inflight_batcher_llm of the backend's release on this node",
        ),
        (
            {"engine": None},
            "node2: /engines/llama is no engine: there is no config.json that can be read. "
            "Fix: bring it there, as `clusterkit engines push` does",
        ),
        (
            {"tokenizer": None},
            "node2: there is no tokenizer in /engines/llama/tokenizer. Fix: bring it there, or "
            "engine.tokenizer: where it is",
        ),
        (
            {"taken": [8001], "servers": [{"pid": 7, "job": "serve-1"}]},
            "node2: port 8001 is taken (tritonserver, pid 7 of job serve-1). Fix: "
            "`clusterkit stop serve-1`, or another engine.grpc_port",
        ),
        ({"taken": [8000]}, "node2: port 8000 is taken. Fix: end what listens there, or another "
         "`--port`"),
        (
            {"engine": {"config": CONFIG, "digest": "a", "files": ["llama_tp2_rank0.engine"]}},
            "node2: /engines/llama lacks the file of rank 1. Fix: bring it there, as "
            "`clusterkit engines push` does",
        ),
        (
            {"engine": {"config": {}, "digest": "c", "files": ["rank1.engine"]}},
            "engine.model: /engines/llama is not the same on node1 and node2. "
            "Fix: the one of node1 there",
        ),
        (
            {"files": {name: {"model.py": name} for name in PYTHON}},
            "engine.templates: /app/all_models/inflight_batcher_llm is not the same on node1 and "
            "node2. Fix: the one of node1 there",
        ),
        (
            {"tokenizer": {"tokenizer.json": "other"}},
            "engine.tokenizer: /engines/llama/tokenizer is not the same on node1 and node2. "
            "Fix: the one of node1 there",
        ),
    ],
)  # fmt: skip
def test_what_one_node_lacks(changed: dict[str, Any], problem: str):
    with pytest.raises(DoesNotFit) as refused:
        check(look(**changed))
    assert str(refused.value) == problem


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"tp": 1, "pp": 2},
            "/engines/llama was built for tp=2 pp=1, and the inventory says tp=1 pp=2. "
            "Fix: engine: {tp: 2, pp: 1}",
        ),
        (
            {"served": "bls"},
            "engine.served: no template is of `bls`. Fix: one of ensemble, postprocessing, "
            "preprocessing, tensorrt_llm, tensorrt_llm_bls",
        ),
        (
            {"parameters": {"kv_cache_free_gpu_mem_fracton": 0.5}},
            "engine.parameters: no template has ${kv_cache_free_gpu_mem_fracton}. "
            "Fix: did you mean `kv_cache_free_gpu_mem_fraction`?",
        ),
        (
            {"parameters": {"decoupled_mode": False}},
            "engine.decoupled is true, and the template of tensorrt_llm says false. "
            "Fix: make them agree: clients are chosen by it",
        ),
    ],
)
def test_settings_that_do_not_fit_what_is_there(settings: dict[str, Any], problem: str):
    with pytest.raises(DoesNotFit) as refused:
        check(look(), **settings)
    assert str(refused.value) == problem


def test_a_placeholder_that_nobody_fills_is_named_on_each_node():
    texts = templates("0.16.0")
    texts["tensorrt_llm"] += "new_field: ${new_in_this_release}\n"
    line = len(texts["tensorrt_llm"].splitlines())
    with pytest.raises(DoesNotFit) as refused:
        check(look(templates=texts), look(templates=texts))
    assert str(refused.value).splitlines() == [
        f"{node}: /app/all_models/inflight_batcher_llm: tensorrt_llm/config.pbtxt:{line}: nobody "
        "fills ${new_in_this_release}. Fix: engine.parameters: {new_in_this_release: …}"
        for node in ("node1", "node2")
    ]
    assert check(
        look(templates=texts), look(templates=texts), parameters={"new_in_this_release": 1}
    ) == ()  # fmt: skip


def test_what_others_left_is_said():
    left = ["prefix0_1", "prefix0_2"]
    assert check(look(servers=[{"pid": 9, "job": None}], stale_regions=left)) == (
        "node2: another tritonserver runs there: pid 9",
        "node2: a server that was killed left 2 regions of shared memory: /dev/shm/prefix0_1 and "
        "others. Fix: remove them",
    )


@pytest.mark.parametrize(
    ("config", "split"),
    [
        (CONFIG, (2, 1)),
        ({"builder_config": {"tensor_parallel": 4, "pipeline_parallel": 2}}, (4, 2)),
        ({"builder_config": {"tensor_parallel": 4}}, (4, 1)),
        ({}, (None, None)),
    ],
)
def test_the_split_of_an_engine(config: dict[str, Any], split: tuple[int | None, int | None]):
    assert split_of(config) == split

"""An engine that lies there, and what is asked of it."""

from __future__ import annotations

from packaging.version import Version

from clusterkit.engines.tensorrt_llm.engine_match import engine_problems, missing_files
from clusterkit.placement import place_stages
from tests.unit.engines.tensorrt_llm.seventy import cluster, gpus, node, settings

ENGINE = {
    "engine": "tensorrt-llm",
    "version": "0.16.0",
    "tp": 2,
    "pp": 1,
    "gpu": "NVIDIA H100 80GB HBM3",
    "compute_capability": "9.0",
}


def test_one_that_was_built_like_this_is_taken() -> None:
    where = cluster(2)
    placement = place_stages(where, tp=2, pp=1)
    facts = {"node1": node(gpus(2))}
    asked = settings(tp=2)
    found = engine_problems("e", ENGINE, asked, Version("0.16.0"), placement, facts)
    assert found == []


def test_everything_that_differs_is_said() -> None:
    where = cluster(1, 1)
    placement = place_stages(where, tp=1, pp=2)
    a100 = gpus(1, "NVIDIA A100-SXM4-80GB", compute_capability="8.0")
    facts = {"node1": node(gpus(1)), "node2": node(a100)}
    asked = settings(pp=2)
    found = engine_problems("llama-e", ENGINE, asked, Version("0.17.0"), placement, facts)
    assert found == [
        "llama-e was built for tp 2 and pp 1, 2 ranks; tp 1 and pp 2 are asked. Fix: `tp: 2` and "
        "`pp: 1`, or run `clusterkit build`",
        "llama-e was built by TensorRT-LLM 0.16.0, and 0.17.0 is installed: an engine runs on the "
        "version that built it. Fix: run `clusterkit build`, or install 0.16.0",
        "llama-e was built on NVIDIA H100 80GB HBM3 (9.0), and node2 has NVIDIA A100-SXM4-80GB "
        "(8.0): an engine runs on the architecture that it was built on. Fix: run `clusterkit "
        "build` there, or nodes with NVIDIA H100 80GB HBM3",
    ]


def test_files_that_nodes_lack() -> None:
    lacking = {"node1": (), "node2": ["rank2.engine", "rank3.engine"]}
    assert missing_files("llama-e", lacking) == [
        "node2: llama-e lacks rank2.engine, rank3.engine, which its ranks load. Fix: run "
        "`clusterkit engines push`, or the verb again: it brings what is missing"
    ]

"""What the tests of TensorRT-LLM start from: settings, a node, ranks on nodes."""

from __future__ import annotations

from typing import Any

from packaging.version import Version

from clusterkit.engines.engine_build import EngineBuild
from clusterkit.engines.tensorrt_llm.building import engine_build
from clusterkit.facts import Gpu, ModelFolder, NodeFacts
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import Placement, Rank

LLAMA_7B: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 32_000,
    "hidden_size": 4096,
}


def settings(**given: Any) -> TensorRtLlmSettings:
    return TensorRtLlmSettings(**{"name": "tensorrt-llm", "model": "/models/llama-7b"} | given)


def node(gpus: int = 1, **packages: str) -> NodeFacts:
    seen = tuple(
        Gpu(index, f"GPU-{index}", "NVIDIA H100", 80 * 10**9, compute_capability="9.0")
        for index in range(gpus)
    )
    return NodeFacts(
        "node1", 8, 10**12, 10**12, "python3", "3.10.12", packages=packages, gpus=seen
    )


def on(*counts: int) -> Placement:
    """So many ranks on each node, each on a GPU of its own."""
    places = [(f"node{i}", local) for i, count in enumerate(counts, 1) for local in range(count)]
    ranks = [Rank(rank, node, local, local) for rank, (node, local) in enumerate(places)]
    return Placement(tuple(ranks))


def folder(config: dict[str, Any], name: str = "/models/llama-7b") -> ModelFolder:
    return ModelFolder(name, config, {"config.json": 10}, "ab" * 32, 6_738_415_616)


def build(
    version: str, seen: ModelFolder | None = None, facts: NodeFacts | None = None, **given: Any
) -> EngineBuild:
    """One engine; the family is llama where neither the model nor the test says another."""
    if seen is None:
        given = {"family": "llama"} | given
    asked = settings(**given)
    one_each = on(*[1] * asked.world_size)
    return engine_build(asked, Version(version), one_each, facts or node(), seen)

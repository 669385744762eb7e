"""What is refused before a server starts."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from packaging.version import Version

from clusterkit.engines.base import engine_of
from clusterkit.engines.serving import ServingEngine
from clusterkit.engines.tensorrt_llm.planner import check_serve
from clusterkit.errors import DoesNotFit
from clusterkit.model.cluster import Cluster
from clusterkit.model.engine import EngineSettings
from clusterkit.model.torch_tensorrt import TorchTensorRtSettings
from tests.unit.engines.tensorrt_llm.seventy import LLAMA_70B, cluster, gpus, node, settings


def machines(*slots: int, **changed: Any) -> Cluster:
    """Bare machines, on each of which clusterkit has a folder called after it."""
    made = cluster(*slots, **changed)
    nodes = tuple(dataclasses.replace(each, home=f"~/{each.name}") for each in made.nodes)
    return dataclasses.replace(made, nodes=nodes)


def refusal(version: str, where: Cluster, **changed: Any) -> str:
    with pytest.raises(DoesNotFit) as caught:
        check_serve(settings(**changed), Version(version), None, where, {})
    return str(caught.value)


def test_on_bare_machines_an_engine_must_tell_its_gpus_itself() -> None:
    taken: list[tuple[str, Cluster, dict[str, Any]]] = [
        ("0.16.0", machines(1, 1), {"tp": 2}),  # trtllm-build is told, for all nodes alike
        ("1.2.0", cluster(1, 1), {"tp": 2}),  # containers, with the same paths
        ("1.2.0", machines(2), {"tp": 2}),
        ("1.2.0", machines(1, 1), {"tp": 2, "backend": "pytorch"}),
    ]
    for version, where, changed in taken:
        check_serve(settings(**changed), Version(version), None, where, {})

    assert refusal("1.2.0", machines(1, 1), tp=2) == (
        "this engine needs a config.json of each node's own at one path on all of them, and "
        "clusterkit's folders on these machines have different paths. Fix: `runtime: docker`; or "
        "as many `slots` on every node (up to 1.1); or `backend: pytorch` (from 1.0)"
    )
    assert "config.json of each node's own" in refusal("0.16.0", machines(1, 2), pp=3)


def test_pytorch_over_nodes_with_one_gpu_is_known_to_fail_in_1_0() -> None:
    said = refusal("1.0.0", cluster(1, 1), tp=2, backend="pytorch")
    assert "fails over nodes with one GPU each" in said
    assert "Fix: 1.1.0 or newer, or `backend: tensorrt`" in said


def test_all_reasons_are_told_at_once() -> None:
    assert refusal("0.12.0", cluster(1), tp=4) == (
        "engine.version: TensorRT-LLM 0.12.0 has no trtllm-serve; 0.15 was the first. "
        "Fix: `clusterkit infer`, or 0.15 or newer\n"
        "tp 4 x pp 1 needs 4 ranks, each on a GPU of its own; cluster big has 1 slots (node1 1). "
        "Fix: a tp x pp of at most 1, or more nodes or `slots`"
    )


def test_what_does_not_fit_is_not_served() -> None:
    facts = {"node1": node(gpus(2))}
    with pytest.raises(DoesNotFit, match="Fix: `quantization: fp8`"):
        check_serve(settings(pp=2), Version("0.16.0"), LLAMA_70B, cluster(), facts)
    (warning,) = check_serve(settings(tp=2), Version("0.16.0"), LLAMA_70B, cluster(), facts)
    assert "fits barely" in warning


def test_only_some_engines_serve() -> None:
    assert isinstance(engine_of(settings()), ServingEngine)
    assert isinstance(engine_of(EngineSettings()), ServingEngine)
    compiled = TorchTensorRtSettings(name="torch-tensorrt")
    assert not isinstance(engine_of(compiled), ServingEngine)

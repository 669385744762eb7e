"""What runs the collectives: every version and node that cannot, with whole messages."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from clusterkit.engines.torch_tensorrt.collectives import (
    collective_problems,
    node_collective_problems,
)
from clusterkit.facts import NodeFacts
from tests.unit.engines.torch_tensorrt.settings import settings

LIBRARY = "/p/libnvinfer_plugin_tensorrt_llm.so"


def node(**packages: str) -> NodeFacts:
    return NodeFacts("vm", 2, 2**34, 2**34, "/opt/v/bin/python", "3.11", packages=packages)


@pytest.mark.parametrize(
    ("version", "changed"),
    [
        ("2.13.0", {"collectives": "auto"}),
        ("2.7.0", {"collectives": "auto"}),
        ("2.7.0", {"collectives": "pytorch"}),
        ("2.12.0", {"collectives": "native"}),
        ("2.9.0", {"collectives": "trtllm"}),
        ("2.11.0", {"collectives": "trtllm", "plugins_path": LIBRARY}),
    ],
)  # fmt: skip
def test_versions_that_can(version: str, changed: dict[str, Any]) -> None:
    has = node(torch="2.9.0", tensorrt="10.16.1.11", tensorrt_llm="0.17.0")

    assert not list(collective_problems(settings(**changed), Version(version)))
    assert not list(node_collective_problems(settings(**changed), Version(version), "n", has))


@pytest.mark.parametrize(
    ("version", "changed", "message"),
    [
        (
            "2.11.0",
            {"collectives": "native"},
            "engine.collectives: native needs torch_tensorrt 2.12.0, and this is 2.11.0. "
            "Fix: a newer one, or collectives: auto",
        ),
        (
            "2.12.0",
            {"collectives": "trtllm", "plugins_path": LIBRARY},
            "engine.collectives: torch_tensorrt 2.12.0 has collectives of TensorRT's own, "
            "and loads no plugins beside them. Fix: collectives: native",
        ),
        (
            "2.9.0",
            {"collectives": "trtllm", "dp": 2},
            "engine.collectives: TensorRT-LLM's plugins serve one replica, and dp is 2. "
            "Fix: dp 1, or collectives: auto",
        ),
        (
            "2.12.0",
            {"collectives": "pytorch"},
            "engine.collectives: torch_tensorrt 2.12.0 has collectives of TensorRT's own, "
            "which cannot be turned off. Fix: collectives: auto",
        ),
        (
            "2.10.0",
            {"collectives": "trtllm"},
            "engine.collectives: torch_tensorrt 2.10.0 finds TensorRT-LLM's plugins by "
            "their path alone. Fix: engine.plugins_path: the library, or a wheel of "
            "tensorrt_llm, or collectives: auto",
        ),
    ],
)
def test_versions_that_cannot(version: str, changed: dict[str, Any], message: str) -> None:
    assert list(collective_problems(settings(**changed), Version(version))) == [message]


@pytest.mark.parametrize(
    ("version", "changed", "has", "message"),
    [
        (
            "2.12.0",
            {"collectives": "native"},
            node(tensorrt="10.15.1"),
            "node1: collectives: native needs TensorRT 10.16.0, and 10.15.1 is there. "
            "Fix: a newer one, or collectives: auto",
        ),
        (
            "2.9.0",
            {"collectives": "trtllm"},
            node(),
            "node1: collectives: trtllm needs TensorRT-LLM's plugins, and /opt/v/bin/python "
            "has no tensorrt_llm. Fix: install it there, or engine.plugins_path: the library, "
            "or a wheel of it, or collectives: auto",
        ),
        (
            "2.10.0",
            {"collectives": "trtllm", "plugins_path": LIBRARY},
            node(torch="2.10.0+cu130"),
            "node1: torch_tensorrt 2.10.0 loads TensorRT-LLM's plugins into a PyTorch for "
            "CUDA 12 alone, and 2.10.0+cu130 is there. Fix: PyTorch for CUDA 12, "
            "or collectives: auto",
        ),
    ],
)
def test_nodes_that_cannot(
    version: str, changed: dict[str, Any], has: NodeFacts, message: str
) -> None:
    found = node_collective_problems(settings(**changed), Version(version), "node1", has)

    assert list(found) == [message]


@pytest.mark.parametrize("torch", ["2.10.0", "2.10.0+cu128", "2.10.0+cu126"])
def test_a_pytorch_that_may_be_for_cuda_12(torch: str) -> None:
    given = settings(collectives="trtllm", plugins_path=LIBRARY)

    found = node_collective_problems(given, Version("2.10.0"), "node1", node(torch=torch))

    assert not list(found)

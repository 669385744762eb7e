"""What cannot run is refused before anything starts: all at once, whole messages."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.torch_tensorrt import TorchTensorRt
from clusterkit.engines.torch_tensorrt.checks import check_run
from clusterkit.errors import DoesNotFit
from clusterkit.facts import Gpu, NodeFacts
from clusterkit.model.cluster import Cluster, Node, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.model.models import BUILTIN
from tests.unit.engines.torch_tensorrt.settings import settings
from tests.unit.shapes import LLAMA_8B

SMOL = BUILTIN["smollm2-135m"].shape
GIB = 2**30
PLAIN = {"torch": "2.13.0", "transformers": "5.20.2", "accelerate": "1", "safetensors": "1"}
TENSORRT = {"torch_tensorrt": "2.13.0", "tensorrt": "11.0.0.114"}


def cluster(*slots: int, gpus: bool = True) -> Cluster:
    nodes = tuple(
        Node(f"node{number}", slots=count, gpus=tuple(range(count)) if gpus else ())
        for number, count in enumerate(slots, 1)
    )
    return Cluster("lab", "ssh", nodes, Storage("sync", "/s"), EngineSettings())


def node(
    packages: Mapping[str, str] = PLAIN | TENSORRT,
    gpu_memory: int | None = 80 * GIB,
    cxx: str | None = "/usr/bin/g++",
) -> NodeFacts:
    return NodeFacts(
        hostname="vm",
        cores=8,
        memory_bytes=16 * GIB,
        memory_available_bytes=12 * GIB,
        python="/v/python",
        python_version="3.11.7",
        packages=packages,
        gpus=(Gpu(0, "GPU-1", "H200", gpu_memory),) if gpu_memory else (),
        cxx=cxx,
    )


def refusal(given: Any, where: Cluster, facts: Mapping[str, NodeFacts], shape: Any = SMOL) -> str:
    request = GenerateRequest(("Hello",))
    with pytest.raises(DoesNotFit) as caught:
        TorchTensorRt(given).check(request, shape, where, facts)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changed", "slots", "packages"),
    [
        ({"tp": 3, "dp": 2, "version": "2.13.0"}, (3, 3), TENSORRT),
        ({"tp": 3, "dp": 2, "version": "2.13.0"}, (2, 2, 2), TENSORRT),
        ({"dp": 2, "version": "2.6.0"}, (1, 1),
         {"torch": "2.6.0", "torch_tensorrt": "2.6.0", "tensorrt": "10.7.0"}),
        ({"tp": 3, "backend": "inductor"}, (3,), {}),
    ],
)  # fmt: skip
def test_what_works_is_not_refused(
    changed: dict[str, Any], slots: tuple[int, ...], packages: dict[str, str]
) -> None:
    where = cluster(*slots)
    facts = dict.fromkeys((each.name for each in where.nodes), node(PLAIN | packages))

    check_run(settings(**changed), SMOL, where, facts, max_tokens=16)
    check_run(settings(**changed), None, where, facts)


def test_every_problem_is_told_at_once() -> None:
    given = settings(dp=2, tp=2, version="2.5.0", collectives="native", min_block_size=1)
    given = given.model_copy(update={"pp": 3})
    facts = {
        "node1": node(PLAIN | {"torch_tensorrt": "2.5.0", "tensorrt": "11.0.0"}),
        "node2": node({"torch": "2.13.0"}),
    }

    assert refusal(given, cluster(1, 1), facts).splitlines() == [
        "pp=3: engine torch-tensorrt does not split layers. Fix: use tp, or dp for more replicas",
        "tp=2: torch_tensorrt 2.5.0 cannot compile a model that is split; 2.7.0 can. Fix: tp 1 "
        "with dp, a newer one, or `backend: inductor`, which needs no TensorRT",
        "engine.collectives: native needs torch_tensorrt 2.12.0, and this is 2.5.0. "
        "Fix: a newer one, or collectives: auto",
        "tp=2 does not divide 9 attention heads and 3 KV heads of smollm2-135m. "
        "Fix: use tp 1 or 3",
        "dp=2 x tp=2 needs 4 slots; cluster lab has 2 (node1 1, node2 1). "
        "Fix: a dp x tp of at most 2, or raise `slots`",
        "node2: /v/python has no transformers, accelerate, safetensors. "
        "Fix: `/v/python -m pip install transformers accelerate safetensors`",
        "node1: torch_tensorrt 2.5.0 is for PyTorch 2.5.*, and 2.13.0 is there. "
        "Fix: `/v/python -m pip install torch-tensorrt==2.13.*`",
        "node1: torch_tensorrt 2.5.0 is built for TensorRT 10.3.0, and 11.0.0 is there. "
        "Fix: `/v/python -m pip install torch-tensorrt==2.5.0`",
        "node2: /v/python has no torch_tensorrt and no tensorrt. Fix: `/v/python -m pip install "
        "torch-tensorrt`, or `backend: inductor`, which needs no TensorRT",
    ]


def test_nodes_without_gpus() -> None:
    facts = {"node1": node(PLAIN, gpu_memory=None)}

    assert refusal(settings(), cluster(1, gpus=False), facts).splitlines() == [
        "node1: torch_tensorrt compiles for NVIDIA GPUs, and the node has none. Fix: `gpus` in "
        "the inventory, or `backend: inductor`, which needs no TensorRT",
        "node1: /v/python has no torch_tensorrt and no tensorrt. Fix: `/v/python -m pip install "
        "torch-tensorrt`, or `backend: inductor`, which needs no TensorRT",
    ]


def test_inductor_on_a_cpu_without_a_compiler() -> None:
    facts = {"node1": node(PLAIN, gpu_memory=None, cxx=None)}
    given = settings(backend="inductor")

    assert refusal(given, cluster(1, gpus=False), facts) == (
        "node1: there is no C++ compiler, which `backend: inductor` runs on a CPU. "
        "Fix: g++ there (or CXX in its environment), or `backend: eager`"
    )
    check_run(settings(backend="eager"), SMOL, cluster(1, gpus=False), facts)


def test_different_versions() -> None:
    older = {"torch": "2.12.0", "torch_tensorrt": "2.12.0", "tensorrt": "10.16.1"}
    facts = {"node1": node(), "node2": node(PLAIN | older)}

    assert refusal(settings(dp=2), cluster(1, 1), facts) == (
        "the nodes have different torch_tensorrt: node1 2.13.0; node2 2.12.0. "
        "Fix: the same version on all"
    )


def test_nodes_that_get_no_rank_are_not_judged() -> None:
    facts = {"node1": node(), "node2": node({})}

    check_run(settings(), SMOL, cluster(1, 1), facts)


def test_a_family_that_cannot_be_split() -> None:
    gpt2 = dataclasses.replace(SMOL, architecture="GPT2LMHeadModel")
    given = settings(backend="inductor", tp=3)

    assert refusal(given, cluster(3), {}, gpt2) == (
        "smollm2-135m, a GPT2LMHeadModel, has no tensor parallel plan. Fix: use tp 1"
    )


@pytest.mark.parametrize(
    ("changed", "gpu_memory", "message"),
    [
        (
            {"dp": 2, "backend": "inductor"},
            12 * GIB,
            "node1: a rank needs about 16.5 GiB (weights 15.0 GiB, runtime 1.5 GiB) and its "
            "GPU has 12.0 GiB. Fix: tp 2 over more GPUs, a smaller model, or fewer tokens",
        ),
        (
            {},
            24 * GIB,
            "node1: a rank needs about 31.4 GiB (weights 2 x 15.0 GiB, runtime 1.5 GiB) and its "
            "GPU has 24.0 GiB. Fix: tp 2 over more GPUs, a smaller model, or fewer tokens",
        ),
        (
            {"tp": 2},
            2 * GIB,
            "node1: a rank needs about 16.5 GiB (weights 2 x 7.5 GiB, runtime 1.5 GiB) and its "
            "GPU has 2.0 GiB. Fix: a smaller model, fewer tokens, or more memory",
        ),
    ],
)
def test_memory(changed: dict[str, Any], gpu_memory: int, message: str) -> None:
    given = settings(**changed)
    facts = {"node1": node(gpu_memory=gpu_memory)}

    assert refusal(given, cluster(2), facts, LLAMA_8B) == message.replace(
        "smollm2-135m", given.model
    )

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from clusterkit.checks.fit import Workload, check_fit
from clusterkit.checks.memory import Need, need_of
from clusterkit.errors import DoesNotFit
from clusterkit.facts import Gpu, NodeFacts
from clusterkit.model.cluster import Cluster, Node, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.model.models import BUILTIN, ModelShape
from tests.unit.shapes import LLAMA_8B

SMOL = BUILTIN["smollm2-135m"].shape
GIB = 2**30


def cluster(*slots: int, gpus: tuple[int, ...] = ()) -> Cluster:
    nodes = tuple(
        Node(f"node{number}", slots=count, gpus=gpus) for number, count in enumerate(slots, 1)
    )
    return Cluster("lab", "docker", nodes, Storage("volume", "/shared"), EngineSettings())


def facts(
    *names: str,
    transformers: str = "5.20.2",
    available: int = 16 * GIB,
    gpu_memory: int | None = None,
    packages: Mapping[str, str] | None = None,
) -> dict[str, NodeFacts]:
    have = {
        "torch": "2.13.0",
        "transformers": transformers,
        "accelerate": "1.15",
        "safetensors": "0.8",
    }
    node = NodeFacts(
        hostname="vm",
        cores=2,
        memory_bytes=16 * GIB,
        memory_available_bytes=available,
        python="/opt/v/bin/python",
        python_version="3.11.7",
        packages=have if packages is None else packages,
        gpus=(Gpu(0, "GPU-1", "H200", gpu_memory),) if gpu_memory else (),
    )
    return dict.fromkeys(names, node)


def job(shape: ModelShape = SMOL, max_tokens: int = 128, **settings: object) -> Workload:
    return Workload("smollm2-135m", shape, EngineSettings.model_validate(settings), max_tokens)


def refusal(what: Workload, where: Cluster, seen: Mapping[str, NodeFacts]) -> str:
    with pytest.raises(DoesNotFit) as caught:
        check_fit(what, where, seen)
    return str(caught.value)


@pytest.mark.parametrize(
    ("tp", "pp", "slots"), [(1, 1, (1,)), (3, 1, (1, 2)), (1, 2, (1, 1)), (3, 2, (6,))]
)
def test_what_works_is_not_refused(tp: int, pp: int, slots: tuple[int, ...]) -> None:
    check_fit(job(tp=tp, pp=pp), cluster(*slots), facts("node1", "node2"))


def test_nodes_that_were_not_looked_at_are_not_judged() -> None:
    check_fit(job(tp=3, pp=2), cluster(6), {})


def test_tp_that_does_not_divide_the_heads() -> None:
    assert refusal(job(tp=2), cluster(2), {}) == (
        "tp=2 does not divide 9 attention heads and 3 KV heads of smollm2-135m. Fix: use tp 1 or 3"
    )


def test_tp_that_divides_the_heads_but_not_the_kv_heads() -> None:
    assert refusal(job(tp=9), cluster(9), {}) == (
        "tp=9 does not divide 9 attention heads and 3 KV heads of smollm2-135m. Fix: use tp 1 or 3"
    )


def test_an_architecture_without_a_plan() -> None:
    gpt2 = dataclasses.replace(SMOL, architecture="GPT2LMHeadModel")

    assert refusal(job(gpt2, tp=3, pp=2), cluster(6), {}).splitlines() == [
        "smollm2-135m, a GPT2LMHeadModel, has no tensor parallel plan. Fix: use tp 1",
        "smollm2-135m, a GPT2LMHeadModel, cannot be split by layers. Fix: use pp 1",
    ]


def test_every_problem_is_told_at_once() -> None:
    seen = facts("node1", transformers="5.23.0") | facts("node2", packages={"torch": "2.13.0"})

    assert refusal(job(tp=2, pp=31, max_tokens=9000), cluster(2, 1), seen).splitlines() == [
        "tp=2 does not divide 9 attention heads and 3 KV heads of smollm2-135m. "
        "Fix: use tp 1 or 3",
        "pp=31 is more than the 30 layers of smollm2-135m. Fix: use pp 30 or less",
        "max tokens is 9000; smollm2-135m can hold 8192 tokens, prompt included. "
        "Fix: fewer `--max-tokens`",
        "tp=2 x pp=31 needs 62 slots; cluster lab has 3 (node1 2, node2 1). "
        "Fix: a tp x pp of at most 3, or raise `slots`",
        "node1: tp with pp works on transformers 5.18 to 5.20, and 5.23.0 is there. "
        "Fix: one of these, or tp or pp alone",
        "node2: /opt/v/bin/python has no transformers, accelerate, safetensors. "
        "Fix: `/opt/v/bin/python -m pip install transformers accelerate safetensors`",
    ]


@pytest.mark.parametrize("version", ["5.17.0", "5.21.0", "5.23.0", "6.0"])
def test_tp_with_pp_on_a_version_that_breaks_it(version: str) -> None:
    assert refusal(job(tp=3, pp=2), cluster(6), facts("node1", transformers=version)) == (
        f"node1: tp with pp works on transformers 5.18 to 5.20, and {version} is there. "
        "Fix: one of these, or tp or pp alone"
    )


@pytest.mark.parametrize("version", ["5.18.0", "5.20.2", "5.20.3rc1"])
def test_tp_with_pp_on_a_version_that_has_it(version: str) -> None:
    check_fit(job(tp=3, pp=2), cluster(6), facts("node1", transformers=version))


@pytest.mark.parametrize("version", ["5.17.0", "5.23.0"])
def test_pp_alone_needs_no_special_version(version: str) -> None:
    check_fit(job(pp=2), cluster(2), facts("node1", transformers=version))


def test_a_version_that_cannot_split() -> None:
    assert refusal(job(pp=2), cluster(2), facts("node1", transformers="4.57.1")) == (
        "node1: transformers 4.57.1 cannot split a model this way. Fix: 5.18 to 5.20 there"
    )


def test_different_versions() -> None:
    seen = facts("node1") | facts("node2", transformers="5.19.0")

    assert refusal(job(pp=2), cluster(1, 1), seen) == (
        "the nodes have different transformers: node1 5.20.2; node2 5.19.0. "
        "Fix: the same version on all"
    )


def test_a_node_without_ranks_is_not_judged() -> None:
    check_fit(job(), cluster(1, 1), facts("node1") | facts("node2", packages={}))


def test_too_little_memory_says_what_would_fit() -> None:
    seen = facts("node1", "node2", available=16 * GIB)

    assert refusal(job(LLAMA_8B, pp=2, max_tokens=8000), cluster(1, 1), seen).splitlines() == [
        f"node{number}: a rank needs about 16.3 GiB (each weights 15.0 GiB, KV cache 1.0 GiB, "
        "runtime 0.3 GiB) and 16.0 GiB is available. "
        "Fix: pp 3 over more nodes, a smaller model, or fewer tokens"
        for number in (1, 2)
    ]


def test_a_gpu_with_too_little_memory() -> None:
    seen = facts("node1", gpu_memory=16 * GIB)

    assert refusal(job(LLAMA_8B, max_tokens=8000), cluster(1, gpus=(0,)), seen) == (
        "node1: a rank needs about 17.5 GiB (weights 15.0 GiB, KV cache 1.0 GiB, runtime 1.5 GiB) "
        "and its GPU has 16.0 GiB. Fix: pp 2 over more GPUs, a smaller model, or fewer tokens"
    )


def test_two_ranks_on_one_gpu() -> None:
    assert refusal(job(pp=2), cluster(2, gpus=(0,)), {}) == (
        "node1: 2 ranks would share 1 GPU, which NCCL refuses. Fix: as many `slots` as `gpus`"
    )


@pytest.mark.parametrize(
    ("tp", "pp", "measured"),
    [(1, 1, 134_515_008), (3, 1, 44_861_760), (1, 2, 81_413_568), (3, 2, 27_149_760)],
)
def test_weights_as_ranks_reported_them(tp: int, pp: int, measured: int) -> None:
    settings = EngineSettings(tp=tp, pp=pp)

    need = need_of(SMOL, settings, context=0, on_gpu=False)

    assert need.weights == pytest.approx(4 * measured, rel=0.001)


def test_the_estimate_of_an_8b_model_in_bfloat16() -> None:
    need = need_of(LLAMA_8B, EngineSettings(), context=8192, on_gpu=True)

    assert need == Need(weights=16_060_522_496, kv_cache=GIB, runtime=1536 * 2**20)

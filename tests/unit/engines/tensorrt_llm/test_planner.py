"""What is refused before a build or a run, what is warned of, and what would fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from packaging.version import Version

from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.tensorrt_llm.planner import check_build, check_run
from clusterkit.errors import DoesNotFit
from clusterkit.facts import Gpu, ModelFolder, NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.models import ModelShape
from tests.unit.engines.tensorrt_llm.seventy import (
    BUILD,
    GIB,
    LLAMA_70B,
    LLAMA_70B_FOLDER,
    cluster,
    gpus,
    node,
    settings,
)

REQUEST = GenerateRequest(prompts=("How do I count in French?",))
TWO_H100 = {"node1": node(gpus(2))}


def warnings(
    version: str,
    *,
    where: Cluster | None = None,
    facts: Mapping[str, NodeFacts] = TWO_H100,
    model: ModelFolder = LLAMA_70B_FOLDER,
    **changed: Any,
) -> tuple[str, ...]:
    where = where or cluster(**changed)
    return check_build(settings(**changed), Version(version), where, facts, model, BUILD)


def refusal(version: str, **given: Any) -> str:
    with pytest.raises(DoesNotFit) as caught:
        warnings(version, **given)
    return str(caught.value)


class TestWhatIsKnownOfLlama70B:
    def test_tp_2_runs_barely(self) -> None:
        assert warnings("0.5.0", tp=2) == (
            "/models/llama-2-70b in float16 with tp 2 and pp 1 fits barely: a rank needs about "
            "70.7 GiB (weights 64.5 GiB, KV cache 3.7 GiB, activations 1.6 GiB, runtime 0.9 GiB), "
            "and node1's NVIDIA H100 80GB HBM3 has 79.6 GiB. Fix, if it runs out of memory: "
            "`quantization: fp8` (about 36.9 GiB), or `tp: 4` with `pp: 1` over 4 GPUs (about "
            "36.5 GiB), or `max_batch_size: 2` (about 66.7 GiB)",
        )

    def test_pp_2_does_not_fit_and_fp8_is_proposed(self) -> None:
        assert refusal("0.5.0", pp=2) == (
            "/models/llama-2-70b in float16 with tp 1 and pp 2: a rank needs about 80.2 GiB "
            "(weights 64.2 GiB, KV cache 7.4 GiB, activations 2.8 GiB, pipeline stages 5.0 GiB, "
            "runtime 0.9 GiB), and node1's NVIDIA H100 80GB HBM3 has 79.6 GiB, of which 79.1 GiB "
            "can be used. Fix: `quantization: fp8` (about 44.7 GiB), or `tp: 2` with `pp: 1` "
            "(about 70.7 GiB), or `tp: 4` with `pp: 1` over 4 GPUs (about 36.5 GiB)"
        )

    def test_pp_2_in_fp8_runs(self) -> None:
        assert warnings("0.5.0", pp=2, quantization="fp8") == ()

    @pytest.mark.parametrize("version", ["0.7.1", "0.9.0", "0.12.0", "0.16.0", "1.2.0"])
    @pytest.mark.parametrize("memory_bytes", [81_559 * 2**20, 80 * GIB, 80 * 10**9])
    def test_it_is_so_in_every_version_and_for_what_80_gb_may_be(
        self, version: str, memory_bytes: int
    ) -> None:
        facts = {"node1": node(gpus(2, memory_bytes=memory_bytes))}
        (warning,) = warnings(version, facts=facts, tp=2)
        assert "fits barely" in warning
        assert "Fix: `quantization: fp8`" in refusal(version, facts=facts, pp=2)
        assert warnings(version, facts=facts, pp=2, quantization="fp8") == ()

    def test_a_run_is_refused_as_well(self) -> None:
        with pytest.raises(DoesNotFit, match=r"80\.2 GiB"):
            run(settings(pp=2), LLAMA_70B, cluster(), TWO_H100, version="0.5.0")


def run(
    what: Any,
    shape: ModelShape,
    where: Cluster,
    facts: Mapping[str, NodeFacts],
    *,
    version: str = "0.16.0",
    request: GenerateRequest = REQUEST,
) -> None:
    check_run(what, Version(version), request, shape, where, facts)


@pytest.mark.parametrize(
    ("where", "facts", "changed"),
    [
        (cluster(8), {"node1": node(gpus(8))}, {"tp": 8}),
        (cluster(4, 4), dict.fromkeys(("node1", "node2"), node(gpus(4))), {"tp": 4, "pp": 2}),
        (cluster(8, 8), dict.fromkeys(("node1", "node2"), node(gpus(8))), {"tp": 16}),
        (cluster(2), {}, {"tp": 2}),
        (cluster(2), {"node1": node(gpus(2, memory_bytes=0))}, {"pp": 2}),
    ],
)
def test_what_can_run_is_not_refused(
    where: Cluster, facts: dict[str, NodeFacts], changed: dict[str, Any]
) -> None:
    run(settings(**changed), LLAMA_70B, where, facts)


@pytest.mark.parametrize(("tp", "is_taken"), [(1, True), (2, True), (4, True), (3, False)])
def test_kv_heads_divide_or_repeat(tp: int, *, is_taken: bool) -> None:
    chatglm = dataclasses.replace(LLAMA_70B, heads=32, kv_heads=2, parameters=6_243_584_000)
    if is_taken:
        return run(settings(tp=tp), chatglm, cluster(4), {"node1": node(gpus(4))})
    with pytest.raises(DoesNotFit) as caught:
        run(settings(tp=tp), chatglm, cluster(4), {"node1": node(gpus(4))})
    return check(
        caught,
        "engine.tp: 3 does not suit 32 attention heads and 2 KV heads of /models/llama-2-70b. "
        "Fix: `tp` 1, 2, 4, 8, 16 or 32",
    )


def check(caught: pytest.ExceptionInfo[DoesNotFit], expected: str) -> None:
    assert str(caught.value) == expected


def test_everything_is_said_at_once() -> None:
    assert refusal("0.16.0", tp=3, pp=81) == (
        "engine.tp: 3 does not suit 64 attention heads and 8 KV heads of /models/llama-2-70b. "
        "Fix: `tp` 1, 2, 4, 8, 16, 32 or 64\n"
        "engine.pp: 81 stages are more than the 80 layers of /models/llama-2-70b. "
        "Fix: `pp` 80 or less\n"
        "tp 3 x pp 81 needs 243 ranks, each on a GPU of its own; cluster big has 2 slots "
        "(node1 2). Fix: a tp x pp of at most 2, or more nodes or `slots`"
    )


@pytest.mark.parametrize(("version", "is_taken"), [("0.16.0", False), ("0.20.0", True)])
def test_layers_divide_into_stages_where_the_version_needs_it(
    version: str, *, is_taken: bool
) -> None:
    facts = {"node1": node(gpus(3))}
    given: dict[str, Any] = {"facts": facts, "where": cluster(3), "pp": 3, "quantization": "fp8"}
    if is_taken:
        assert warnings(version, **given) == ()
    else:
        assert "80 layers do not divide into 3 stages" in refusal(version, **given)


def test_ranks_never_share_a_gpu_also_where_the_inventory_names_none() -> None:
    where = cluster(2)
    bare = dataclasses.replace(where, nodes=(dataclasses.replace(where.nodes[0], gpus=()),))
    facts = {"node1": node(gpus(1))}
    assert refusal("0.16.0", where=bare, facts=facts, tp=2, quantization="fp8") == (
        "node1: 2 ranks want a GPU each, and it shows 1. Fix: `slots: 1`, and name them as `gpus`"
    )


def test_the_smallest_gpu_counts() -> None:
    facts = {"node1": node(gpus(1)), "node2": node(gpus(1, memory_bytes=40 * GIB))}
    said = refusal("0.16.0", where=cluster(1, 1), facts=facts, tp=2)
    assert "node2's NVIDIA H100 80GB HBM3 has 40.0 GiB, of which 39.5 GiB can be used" in said


A100 = gpus(1, "NVIDIA A100-SXM4-80GB", memory_bytes=80 * GIB, compute_capability="8.0")
T4 = gpus(1, "Tesla T4", memory_bytes=15_360 * 2**20, compute_capability="7.5")


@pytest.mark.parametrize(
    ("has", "changed", "expected"),
    [
        (
            A100,
            {"quantization": "fp8"},
            "node1: its NVIDIA A100-SXM4-80GB (compute capability 8.0) has no fp8, which begins "
            "with 8.9 (Ada, Hopper). Fix: `quantization: int8` or int4-awq",
        ),
        (
            T4,
            {"dtype": "bfloat16", "quantization": "int4-awq", "max_batch_size": 1},
            "node1: its Tesla T4 (compute capability 7.5) has no bfloat16, which begins with 8.0 "
            "(Ampere). Fix: `dtype: float16`",
        ),
    ],
)
def test_numbers_that_a_gpu_does_not_know(
    has: tuple[Gpu, ...], changed: dict[str, Any], expected: str
) -> None:
    facts = dict.fromkeys(("node1",), node(has))
    small = dataclasses.replace(LLAMA_70B, parameters=7_000_000_000)
    with pytest.raises(DoesNotFit) as caught:
        run(settings(**changed), small, cluster(1), facts)
    assert str(caught.value) == expected


def test_on_gpus_without_fp8_int8_is_proposed() -> None:
    facts = dict.fromkeys(("node1", "node2"), node(A100))
    said = refusal("0.16.0", where=cluster(1, 1), facts=facts, pp=2)
    assert "Fix: `quantization: int8` (about 47.9 GiB)" in said


class TestGpusThatDiffer:
    def test_another_architecture_is_refused(self) -> None:
        facts = {"node1": node(gpus(1)), "node2": node(A100)}
        assert refusal("0.16.0", where=cluster(1, 1), facts=facts, tp=2, quantization="int8") == (
            "the GPUs are of several architectures: NVIDIA H100 80GB HBM3 on node1, NVIDIA "
            "A100-SXM4-80GB on node2; an engine runs on the one that it was built on. Fix: nodes "
            "with the same GPU, and the others out of the inventory"
        )

    def test_another_model_of_the_same_architecture_is_warned_of(self) -> None:
        facts = {"node1": node(gpus(1)), "node2": node(gpus(1, "NVIDIA H200"))}
        (_, said) = warnings("0.16.0", where=cluster(1, 1), facts=facts, tp=2, quantization="fp8")
        assert said == (
            "the GPUs differ: NVIDIA H100 80GB HBM3 on node1, NVIDIA H200 on node2; an engine is "
            "tuned for the one that it was built on. Fix: nodes with the same GPU"
        )


class TestHostMemory:
    def test_too_little_for_one_rank_is_warned_of(self) -> None:
        facts = {"node1": node(gpus(2), memory_bytes=64 * GIB)}
        assert warnings("0.16.0", facts=facts, pp=2, quantization="fp8") == (
            "node1: building a rank takes about 64.7 GiB of the host's memory (its weights "
            "twice), and the node has 64.0 GiB. Fix, if it is killed: a node with more memory "
            "first in the inventory, or more `tp` or `pp`",
        )

    def test_too_little_for_all_that_are_built_at_once_is_warned_of(self) -> None:
        facts = {"node1": node(gpus(2), memory_bytes=100 * GIB)}
        assert warnings("0.16.0", facts=facts, pp=2, quantization="fp8") == (
            "node1: building 2 at once takes about 129.5 GiB of the host's memory, and 100.0 GiB "
            "is available. Fix, if it is killed: free some, or `workers: 1`",
        )


def test_more_tokens_than_the_model_was_made_for_are_warned_of() -> None:
    facts = {"node1": node(gpus(2))}
    said = warnings(
        "0.16.0", facts=facts, tp=2, quantization="fp8", max_batch_size=1, max_input_len=4096
    )
    assert said == (
        "max_input_len and max_output_len are 4608 tokens together, and /models/llama-2-70b was "
        "made for 4096. Fix: lengths of at most 4096 together",
    )


def test_a_request_is_within_what_was_built() -> None:
    request = GenerateRequest(prompts=("one", "two", "three"), max_tokens=600)
    with pytest.raises(DoesNotFit) as caught:
        run(settings(max_batch_size=2, tp=2), LLAMA_70B, cluster(), TWO_H100, request=request)
    assert str(caught.value) == (
        "3 prompts are more than the engine takes at once. Fix: at most 2, or `max_batch_size: 3` "
        "and `clusterkit build`\n"
        "max tokens is 600, and the engine is built for answers of 512. Fix: fewer "
        "`--max-tokens`, or `max_output_len: 600` and `clusterkit build`"
    )

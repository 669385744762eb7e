"""What breaks when a model is split over nodes is told before it does."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from clusterkit.engines.tensorrt_llm.hazards import hazards
from clusterkit.placement import Placement, Rank
from tests.unit.engines.tensorrt_llm.builds import on, settings

SLOW = (
    "tensor parallel groups lie on node1 and node2: every layer waits for the network twice. "
    "Fix: `tp` of at most the GPUs of a node, and `pp` over the nodes"
)


def judge(
    version: str,
    placement: Placement,
    env: dict[str, dict[str, str]] | None = None,
    layers: int | None = None,
    **given: Any,
) -> tuple[list[str], list[str]]:
    given.setdefault("pp", placement.world_size // given.get("tp", 1))
    return hazards(settings(**given), Version(version), placement, env or {}, layers=layers)


@pytest.mark.parametrize("version", ["0.6.1", "0.9.0", "0.11.0", "0.16.0", "1.2.1", "1.3.0rc22"])
def test_a_pipeline_over_nodes_has_none(version: str) -> None:
    assert judge(version, on(1, 1), layers=32) == ([], [])


@pytest.mark.parametrize("version", ["0.9.0", "0.16.0", "1.2.1"])
def test_groups_over_nodes_that_none_has_room_for_are_slow(version: str) -> None:
    assert judge(version, on(1, 1), tp=2) == ([], [SLOW])


def test_chatglm_is_told_of_no_pipeline() -> None:
    _, (warning,) = judge("0.16.0", on(1, 1), tp=2, family="chatglm2")
    assert warning.endswith(
        "Fix: GPUs of one node, as ChatGLM has no `pp`; or leave it so, if it is fast enough"
    )


@pytest.mark.parametrize(
    ("version", "counts", "tp", "nodes", "where"),
    [
        ("0.10.0", (3, 3), 2, "node1 and node2", "node1 with its 3 ranks"),
        ("1.2.1", (1, 3), 2, "node1 and node2", "node2 with its 3 ranks"),
        ("0.16.0", (2, 3, 1), 2, "node2 and node3", "node2 with its 3 ranks"),
    ],
)
def test_a_group_over_nodes_of_which_one_has_room_for_it_is_refused(
    version: str, counts: tuple[int, ...], tp: int, nodes: str, where: str
) -> None:
    problems, _ = judge(version, on(*counts), tp=tp)

    assert problems == [
        f"a tensor parallel group of {tp} lies on {nodes}, and {where} would look for all of it "
        "among its own GPUs. Fix: `slots` that `tp` divides, on every node"
    ]


def test_up_to_0_9_nothing_looks_where_a_group_lies() -> None:
    assert judge("0.9.0", on(3, 3), tp=2) == ([], [SLOW])


@pytest.mark.parametrize("version", ["0.7.1", "0.8.0", "0.11.0"])
@pytest.mark.parametrize(
    "flags",
    [
        ["--use_custom_all_reduce", "enable"],
        ["--use_custom_all_reduce=enable"],
        ["--use_custom_all_reduce"],
    ],
)
def test_the_custom_all_reduce_reaches_no_other_node(version: str, flags: list[str]) -> None:
    problems, _ = judge(version, on(1, 1), tp=2, build_flags=flags)

    assert problems == [
        "engine.build_flags: --use_custom_all_reduce reaches no GPU of another node, and tensor "
        "parallel groups lie on node1 and node2. Fix: leave it out"
    ]


def test_within_a_node_the_custom_all_reduce_is_fine() -> None:
    flags = ["--use_custom_all_reduce", "enable"]
    assert judge("0.9.0", on(2, 2), tp=2, build_flags=flags) == ([], [])


def test_the_custom_all_reduce_switched_off_is_fine() -> None:
    flags = ["--use_custom_all_reduce", "disable"]
    assert judge("0.9.0", on(1, 1), tp=2, build_flags=flags) == ([], [SLOW])


def test_layers_that_stages_do_not_divide_would_be_left_out() -> None:
    assert judge("0.17.0", on(1, 1, 1), layers=32)[0] == [
        "engine.pp: 32 layers do not divide into 3 stages, and TensorRT-LLM 0.17.0 would leave "
        "out the last 2. Fix: a `pp` that divides 32"
    ]
    assert judge("1.0.0", on(1, 1, 1), layers=32) == ([], [])


def test_builds_between_releases() -> None:
    assert judge("0.8.0.dev20240123", on(1, 1)) == (
        [
            "TensorRT-LLM 0.8.0.dev20240123 refuses more ranks than a node has GPUs; only builds "
            "of those weeks did. Fix: 0.8.0 or newer"
        ],
        [],
    )
    assert judge("0.11.0.dev20240528", on(1, 1)) == (
        [],
        [
            "TensorRT-LLM 0.11.0.dev20240528 is a build between releases: what is known here is "
            "of releases. Fix: a release, if a run over nodes fails"
        ],
    )


def test_the_first_pytorch_backend_fails_with_one_gpu_a_node() -> None:
    known = (
        "TensorRT-LLM 1.0.0: its PyTorch backend fails over nodes with one GPU each (a known "
        "issue of its release notes). Fix: 1.1.0 or newer, or `backend: tensorrt`"
    )
    assert judge("1.0.0", on(1, 1), backend="pytorch") == ([known], [])
    assert judge("1.0.0", on(1), backend="pytorch") == ([], [])
    assert judge("1.0.0", on(2, 2), backend="pytorch") == ([], [])
    assert judge("1.1.0", on(1, 1), backend="pytorch") == ([], [])
    assert judge("1.0.0", on(1, 1)) == ([], [])


def test_ranks_that_share_a_gpu() -> None:
    shared = Placement((Rank(0, "a", 0, 0), Rank(1, "a", 1, 0)))
    assert judge("0.16.0", shared)[0] == [
        "a: 2 ranks would share 1 GPU, and NCCL takes each once. Fix: as many `slots` as `gpus`"
    ]


@pytest.mark.parametrize(
    ("version", "mask", "is_problem"),
    [("0.10.0", "0", True), ("0.11.0", "0", False), ("0.16.0", "0,1", True)],
)
def test_ranks_that_do_not_see_the_gpus_of_their_node(
    version: str, mask: str, is_problem: bool
) -> None:
    blind = Placement(tuple(Rank(rank, "a", rank) for rank in range(3)))
    text = (
        f"a: CUDA_VISIBLE_DEVICES={mask} shows {'2 GPUs' if ',' in mask else '1 GPU'} to 3 ranks. "
        "Fix: leave it out, and name the GPUs as `gpus` of the node"
    )
    found = judge(version, blind, {"a": {"CUDA_VISIBLE_DEVICES": mask}})
    assert found == (([text], []) if is_problem else ([], [text]))


def test_each_node_is_judged_by_its_own_environment() -> None:
    blind = Placement(tuple(Rank(rank, node, rank % 2) for rank, node in enumerate("aabb")))
    env = {"a": {"CUDA_VISIBLE_DEVICES": "0"}, "b": {"CUDA_VISIBLE_DEVICES": "0,1"}}
    text = (
        "a: CUDA_VISIBLE_DEVICES=0 shows 1 GPU to 2 ranks. Fix: leave it out, and name the GPUs "
        "as `gpus` of the node"
    )
    assert judge("0.10.0", blind, env, tp=2, pp=2, layers=4) == ([text], [])


def test_gpus_that_are_placed_are_shown_by_the_job() -> None:
    env = {"node1": {"CUDA_VISIBLE_DEVICES": "0"}}
    assert judge("0.10.0", on(2, 2), env) == ([], [])


def test_off_is_obeyed_with_a_warning() -> None:
    assert judge("0.9.0", on(1, 1), gpus_per_node="off") == (
        [],
        [
            "engine.gpus_per_node is off, and nodes have 1 rank each, not 8, and up to 0.9 only "
            "code tells it: ranks would ask for GPUs that their node does not have. "
            "Fix: `auto`, unless you mended it yourself"
        ],
    )
    assert judge("0.9.0", on(4), gpus_per_node="off") == ([], [])


def test_a_fix_that_is_not_to_be_had_is_a_problem_among_others() -> None:
    problems, _ = judge("0.16.0", on(3, 3), tp=2, gpus_per_node="shim")

    assert problems == [
        "engine.gpus_per_node: shim does not help TensorRT-LLM 0.16.0: its C++ reads the engine's "
        "config.json itself, where no import hook reaches. Fix: `config`, or leave "
        "engine.gpus_per_node out",
        "a tensor parallel group of 2 lies on node1 and node2, and node1 with its 3 ranks would "
        "look for all of it among its own GPUs. Fix: `slots` that `tp` divides, on every node",
    ]

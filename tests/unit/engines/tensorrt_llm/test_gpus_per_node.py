"""How ranks learn the GPUs of their node: by version, by layout, and as the inventory asks."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from clusterkit.engines.tensorrt_llm.gpus_per_node import GpusPerNode, gpus_per_node
from clusterkit.errors import UsageError
from tests.unit.engines.tensorrt_llm.builds import on, settings

NCCL = {"FORCE_NCCL_ALL_REDUCE_STRATEGY": "1"}


def decide(version: str, *counts: int, **given: Any) -> GpusPerNode:
    given.setdefault("pp", sum(counts) // given.get("tp", 1))
    return gpus_per_node(settings(**given), Version(version), on(*counts))


def brief(decision: GpusPerNode) -> tuple[str, int | None]:
    return decision.at_run, decision.build_flag


@pytest.mark.parametrize(
    ("version", "counts", "at_run", "flag"),
    [
        # two nodes with one GPU each: what each version needs
        ("0.5.0", (1, 1), "shim", None),
        ("0.6.1", (1, 1), "shim", None),
        ("0.7.1", (1, 1), "shim", None),
        ("0.8.0", (1, 1), "shim", None),
        ("0.9.0", (1, 1), "shim", None),
        ("0.10.0", (1, 1), "config", 1),
        ("0.11.0", (1, 1), "config", 1),
        ("0.16.0", (1, 1), "config", 1),
        ("1.0.0", (1, 1), "config", 1),
        ("1.1.0", (1, 1), "config", 1),
        ("1.2.0rc1", (1, 1), "config", None),
        ("1.2.1", (1, 1), "config", None),
        ("1.3.0rc20", (1, 1), "config", None),
        ("1.3.0rc20.post1", (1, 1), "config", None),
        ("1.3.0rc22", (1, 1), "none", None),
        # nodes that differ: one flag cannot tell it
        ("0.9.0", (1, 2, 4), "shim", None),
        ("0.16.0", (1, 2, 4), "config", None),
        # one node
        ("0.9.0", (1,), "none", None),
        ("0.9.0", (8,), "none", None),
        ("0.9.0", (16,), "shim", None),
        ("0.16.0", (4,), "none", None),
        ("0.16.0", (8,), "none", None),
        ("0.16.0", (16,), "config", 16),
        # 8 on each, as it assumes
        ("0.9.0", (8, 8), "none", None),
        ("0.16.0", (8, 8), "none", None),
        # the devices are right, but from 0.10 on the number is checked as well
        ("0.9.0", (8, 4), "none", None),
        ("0.9.0", (4, 8), "none", None),
        ("0.9.0", (4, 4), "shim", None),
        ("0.16.0", (8, 4), "config", None),
    ],
)
def test_each_version_and_layout_gets_what_it_needs(
    version: str, counts: tuple[int, ...], at_run: str, flag: int | None
) -> None:
    assert brief(decide(version, *counts)) == (at_run, flag)


def test_a_decision_says_why() -> None:
    assert [decide("0.9.0", 1, 1), decide("0.16.0", 1, 2, 4), decide("0.16.0", 4)] == [
        GpusPerNode("shim", "nodes have 1 rank each, not 8, and up to 0.9 only code tells it"),
        GpusPerNode(
            "config",
            "nodes have 1, 2 and 4 ranks, not 8, and each node reads its number in the engine's "
            "config.json",
        ),
        GpusPerNode("none", "every rank finds its device as it is"),
    ]


def test_the_pytorch_backend_counts_for_itself() -> None:
    assert decide("1.2.0", 1, 1, backend="pytorch") == GpusPerNode(
        "none", "the PyTorch backend counts the GPUs of each node itself"
    )


@pytest.mark.parametrize(
    ("version", "counts", "tp", "env"),
    [
        ("0.9.0", (4, 4), 2, {}),  # up to 0.9 nothing looks
        ("0.10.0", (4, 4), 2, NCCL),
        ("0.15.0", (4, 4), 2, NCCL),
        ("0.16.0", (4, 4), 2, {}),
        ("0.15.0", (4, 4), 4, {}),
        ("0.15.0", (4, 4), 1, {}),
        ("0.15.0", (4,), 2, {}),
        ("0.15.0", (8, 8), 4, NCCL),  # the fix is not needed, this is
        ("0.16.0", (1, 1), 2, NCCL),
        ("1.2.0", (2, 2), 4, NCCL),
        ("0.16.0", (2, 4), 2, NCCL),
        ("0.16.0", (2, 4), 1, {}),
    ],
)
def test_the_all_reduce_is_left_to_nccl_where_its_own_sums_fail(
    version: str, counts: tuple[int, ...], tp: int, env: dict[str, str]
) -> None:
    assert decide(version, *counts, tp=tp).env == env


@pytest.mark.parametrize(
    ("version", "counts", "asked", "expected"),
    [
        ("0.9.0", (1, 1), "shim", ("shim", None)),
        ("0.10.0", (2, 2), "config", ("config", None)),
        ("1.1.0", (2, 2), "build-flag", ("none", 2)),
        ("0.9.0", (1, 1), "off", ("none", None)),
        ("0.16.0", (1, 1), "off", ("none", None)),
    ],
)
def test_what_the_inventory_asks_for_is_done(
    version: str, counts: tuple[int, ...], asked: str, expected: tuple[str, int | None]
) -> None:
    assert brief(decide(version, *counts, gpus_per_node=asked)) == expected


def test_a_flag_of_the_user_s_own_is_not_given_twice() -> None:
    flags = ["--gpus_per_node", "4"]
    assert brief(decide("0.16.0", 2, 2, build_flags=flags)) == ("config", None)


@pytest.mark.parametrize(
    ("version", "counts", "asked", "why"),
    [
        (
            "0.10.0",
            (1, 1),
            "shim",
            "its C++ reads the engine's config.json itself, where no import hook reaches. "
            "Fix: `config`, or leave engine.gpus_per_node out",
        ),
        (
            "0.9.0",
            (1, 1),
            "config",
            "it does not read the number in the engine's config.json. "
            "Fix: `shim`, or leave engine.gpus_per_node out",
        ),
        (
            "0.9.0",
            (1, 1),
            "build-flag",
            "its --gpus_per_node is only for the build, and no engine keeps it. "
            "Fix: `shim`, or leave engine.gpus_per_node out",
        ),
        (
            "1.2.0",
            (1, 1),
            "build-flag",
            "its trtllm-build has no --gpus_per_node. "
            "Fix: `config`, or leave engine.gpus_per_node out",
        ),
        (
            "0.16.0",
            (1, 2),
            "build-flag",
            "the nodes have 1 and 2 ranks, and one engine has one number. "
            "Fix: `config`, or leave engine.gpus_per_node out",
        ),
        (
            "1.3.0rc22",
            (1, 1),
            "config",
            "the PyTorch backend has no engine, and counts the GPUs of each node itself. "
            "Fix: leave engine.gpus_per_node out",
        ),
    ],
)
def test_what_a_version_does_not_have_is_refused(
    version: str, counts: tuple[int, ...], asked: str, why: str
) -> None:
    with pytest.raises(UsageError) as caught:
        decide(version, *counts, gpus_per_node=asked)

    assert str(caught.value) == (
        f"engine.gpus_per_node: {asked} does not help TensorRT-LLM {version}: {why}"
    )

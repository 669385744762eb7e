"""What a rank needs on its GPU, term by term."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from clusterkit.engines.tensorrt_llm.memory import GIB, Need, need_of
from tests.unit.engines.tensorrt_llm.seventy import LLAMA_70B, settings

OLD = Version("0.5.0")


def rounded(need: Need) -> tuple[float, ...]:
    """In GiB: weights, KV cache, activations, pipeline stages, runtime, and all together."""
    terms = (need.weights, need.kv_cache, need.activations, need.stages, need.runtime, need.bytes)
    return tuple(round(term / GIB, 1) for term in terms)


@pytest.mark.parametrize(
    ("version", "changed", "expected"),
    [
        # The engine files of this case were listed as 65 GiB and 33 GiB, rounded up.
        ("0.5.0", {"tp": 2}, (64.5, 3.7, 1.6, 0.0, 0.9, 70.7)),
        ("0.5.0", {"pp": 2}, (64.2, 7.4, 2.8, 5.0, 0.9, 80.2)),
        ("0.5.0", {"pp": 2, "quantization": "fp8"}, (32.4, 3.7, 2.8, 5.0, 0.9, 44.7)),
        ("0.16.0", {"tp": 2}, (64.5, 3.5, 1.6, 0.0, 0.9, 70.5)),
        ("0.16.0", {"pp": 2}, (64.2, 6.9, 2.8, 5.0, 0.9, 79.8)),
        ("0.16.0", {"tp": 4, "quantization": "int8"}, (16.5, 1.7, 1.2, 0.0, 0.9, 20.5)),
        ("0.16.0", {"tp": 2, "quantization": "int4-awq"}, (17.3, 3.5, 1.6, 0.0, 0.9, 23.3)),
        ("0.16.0", {"tp": 2, "max_batch_size": 1}, (64.5, 0.4, 0.2, 0.0, 0.9, 66.0)),
        ("0.16.0", {"tp": 2, "dtype": "float32"}, (129.0, 6.9, 3.2, 0.0, 0.9, 140.0)),
    ],
)
def test_llama_70b(version: str, changed: dict[str, Any], expected: tuple[float, ...]) -> None:
    assert rounded(need_of(LLAMA_70B, settings(**changed), Version(version))) == expected


def test_the_weights_of_an_uneven_split_are_those_of_its_largest_stage() -> None:
    need = need_of(LLAMA_70B, settings(pp=3), Version("1.2.0"))
    in_layers = (68_976_648_192 - 2 * 32_000 * 8192) * 2
    assert need.weights == in_layers * 27 // 80 + 32_000 * 8192 * 2


def test_kv_heads_repeat_where_there_are_fewer_than_ranks() -> None:
    eight, sixteen = (need_of(LLAMA_70B, settings(tp=tp), OLD).kv_cache for tp in (8, 16))
    assert eight == sixteen


def test_an_embedding_that_is_split_takes_less() -> None:
    whole = need_of(LLAMA_70B, settings(tp=2), OLD)
    split = need_of(LLAMA_70B, settings(tp=2, build_flags=["--use_parallel_embedding"]), OLD)
    assert whole.weights - split.weights == 32_000 * 8192 * 2 // 2


@pytest.mark.parametrize("words", [["--max_num_tokens", "4096"], ["--max_num_tokens=4096"]])
def test_fewer_tokens_at_once_take_less(words: list[str]) -> None:
    need = need_of(LLAMA_70B, settings(tp=2, build_flags=words), OLD)
    assert need.activations == int(4096 * 8192 * 2 * 6.5)


def test_a_need_says_what_for() -> None:
    assert str(need_of(LLAMA_70B, settings(pp=2), OLD)) == (
        "weights 64.2 GiB, KV cache 7.4 GiB, activations 2.8 GiB, pipeline stages 5.0 GiB, "
        "runtime 0.9 GiB"
    )

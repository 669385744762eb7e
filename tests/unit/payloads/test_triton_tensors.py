"""Requests follow the server's own description of its model, from 0.5 to today."""

from __future__ import annotations

from typing import Any

import pytest

from clusterkit.payloads.triton_tensors import (
    Asked,
    NotATextModel,
    Tensor,
    is_decoupled,
    steps_of,
    tensors,
)


def config(*inputs: tuple[str, str, list[int], bool], batch: int = 128) -> dict[str, Any]:
    """As the server answers it; what is false or empty may be missing there."""
    rows = [
        {"name": name, "data_type": f"TYPE_{kind}", "dims": [str(size) for size in dims]}
        | ({"optional": True} if optional else {})
        for name, kind, dims, optional in inputs
    ]
    return {"name": "m", "max_batch_size": batch, "input": rows}


OLD = config(
    ("text_input", "STRING", [-1], False),
    ("max_tokens", "UINT32", [-1], False),
    ("bad_words", "STRING", [-1], False),
    ("stop_words", "STRING", [-1], False),
    ("end_id", "UINT32", [1], True),
    ("top_k", "UINT32", [1], True),
    ("top_p", "FP32", [1], True),
    ("temperature", "FP32", [1], True),
    ("random_seed", "UINT64", [1], True),
    ("stream", "BOOL", [1], True),
)
NEW = config(
    ("text_input", "STRING", [1], False),
    ("max_tokens", "INT32", [1], False),
    ("bad_words", "STRING", [-1], True),
    ("top_k", "INT32", [1], True),
    ("seed", "UINT64", [1], True),
    ("stream", "BOOL", [1], True),
)
LLM_API = config(
    ("text_input", "STRING", [-1], False),
    ("streaming", "BOOL", [1], True),
    ("sampling_param_max_tokens", "INT32", [1], True),
    ("sampling_param_temperature", "FP32", [1], True),
    batch=0,
)


@pytest.mark.parametrize(
    ("model", "asked", "expected"),
    [
        (
            OLD,
            Asked("hi", 4, stream=True),
            (
                Tensor("text_input", "BYTES", (1, 1), "hi"),
                Tensor("max_tokens", "UINT32", (1, 1), 4),
                Tensor("bad_words", "BYTES", (1, 1), ""),
                Tensor("stop_words", "BYTES", (1, 1), ""),
                Tensor("top_k", "UINT32", (1, 1), 1),
                Tensor("stream", "BOOL", (1, 1), value=True),
            ),
        ),
        (
            OLD,
            Asked("hi", 4, temperature=0.5, top_p=0.9, seed=7),
            (
                Tensor("text_input", "BYTES", (1, 1), "hi"),
                Tensor("max_tokens", "UINT32", (1, 1), 4),
                Tensor("bad_words", "BYTES", (1, 1), ""),
                Tensor("stop_words", "BYTES", (1, 1), ""),
                Tensor("top_p", "FP32", (1, 1), 0.9),
                Tensor("temperature", "FP32", (1, 1), 0.5),
                Tensor("random_seed", "UINT64", (1, 1), 7),
                Tensor("stream", "BOOL", (1, 1), value=False),
            ),
        ),
        (
            NEW,
            Asked("hi", 4, seed=7),
            (
                Tensor("text_input", "BYTES", (1, 1), "hi"),
                Tensor("max_tokens", "INT32", (1, 1), 4),
                Tensor("top_k", "INT32", (1, 1), 1),
                Tensor("seed", "UINT64", (1, 1), 7),
                Tensor("stream", "BOOL", (1, 1), value=False),
            ),
        ),
        (
            LLM_API,
            Asked("hi", 4, temperature=0.5),
            (
                Tensor("text_input", "BYTES", (1,), "hi"),
                Tensor("streaming", "BOOL", (1,), value=False),
                Tensor("sampling_param_max_tokens", "INT32", (1,), 4),
                Tensor("sampling_param_temperature", "FP32", (1,), 0.5),
            ),
        ),
    ],
)
def test_types_and_shapes_are_the_models(
    model: dict[str, Any], asked: Asked, expected: tuple[Tensor, ...]
):
    assert tensors(model, asked) == expected


def test_a_model_that_takes_no_text_is_refused():
    with pytest.raises(NotATextModel) as refused:
        tensors(config(("input_ids", "INT32", [-1], False)), Asked("hi", 4))
    assert str(refused.value) == "model m has no input text_input, but input_ids"


def test_an_ensemble_is_decoupled_by_its_steps():
    steps = {"ensemble_scheduling": {"step": [{"model_name": "a"}, {"model_name": "b"}]}}
    assert steps_of(steps) == ("a", "b")
    assert not is_decoupled(steps)
    assert is_decoupled({"model_transaction_policy": {"decoupled": True}})

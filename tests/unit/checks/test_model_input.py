from __future__ import annotations

from dataclasses import replace

import pytest

from clusterkit.checks.model_input import ModelLook, model_problems
from clusterkit.facts import ModelFolder

WHOLE = ModelLook(
    folder="/m/llama",
    is_there="folder",
    tokenizer="/m/llama",
    has_config=True,
    is_read=True,
    model=ModelFolder("/m/llama", {"model_type": "llama"}, {"config.json": 2}, "ab", 7),
    shape={"layers": 2},
    weights=("model.safetensors",),
    tokenizer_files=("tokenizer.json",),
)


def test_nothing_is_wrong_with_a_whole_model():
    assert model_problems("node1", WHOLE) == []


def test_everything_is_told_at_once():
    look = replace(WHOLE, weights=(), tokenizer="/m/tok", tokenizer_files=(), has_config=False)

    assert model_problems("node1", look) == [
        "node1: /m/llama has no config.json, so it is no Hugging Face model. Fix: set "
        "`engine.model` to the folder that has config.json, tokenizer and weights",
        "node1: /m/llama has no weights (*.safetensors or *.bin). Fix: fetch the whole model",
        "node1: /m/tok has no tokenizer (tokenizer.json, tokenizer.model, vocab.json, …). Fix: "
        "bring it there, or set `engine.tokenizer` to its folder",
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"is_there": "absent"},
            "node1: /m/llama does not exist. Fix: bring the model there, or correct "
            "`engine.model`, which is a path on the nodes",
        ),
        (
            {"is_there": "file"},
            "node1: /m/llama is a file. Fix: set `engine.model` to the Hugging Face folder of "
            "the model",
        ),
        (
            {"missing": ("a-1.safetensors", "a-2.safetensors")},
            "node1: /m/llama lacks a-1.safetensors, a-2.safetensors, which its index names. Fix: "
            "fetch the model anew",
        ),
        (
            {"missing": tuple(f"m-{number:05}-of-00030.safetensors" for number in range(1, 31))},
            "node1: /m/llama lacks m-[00001-00030]-of-00030.safetensors, which its index names. "
            "Fix: fetch the model anew",
        ),
        (
            {"broken": ("a.safetensors",)},
            "node1: /m/llama: a.safetensors ends before its last tensor. Fix: fetch it anew",
        ),
        (
            {"unreadable": {"/m/llama/config.json": "it is no JSON object"}},
            "node1: /m/llama/config.json cannot be read: it is no JSON object. Fix: see who may "
            "read it, and that it is whole",
        ),
    ],
)
def test_what_is_wrong_is_told_with_a_fix(changes: dict[str, object], problem: str):
    assert model_problems("node1", replace(WHOLE, **changes)) == [problem]  # type: ignore[arg-type]


def test_an_answer_without_a_digest_was_not_read():
    row = {
        "folder": "/m/llama",
        "is_there": "folder",
        "config": {"model_type": "llama"},
        "has_config": True,
        "shape": {"layers": 2},
        "files": {"config.json": 2},
        "weights": ["model.safetensors"],
        "missing": [],
        "broken": [],
        "parameters": 7,
        "tokenizer": "/m/llama",
        "tokenizer_files": ["tokenizer.json"],
        "unreadable": {},
    }
    assert WHOLE.model is not None

    assert ModelLook.of(row | {"digest": "ab"}) == replace(WHOLE, unreadable={})
    assert ModelLook.of(row | {"digest": None}) == replace(
        WHOLE, unreadable={}, is_read=False, model=replace(WHOLE.model, digest="")
    )
    assert ModelLook.of(row | {"digest": None, "config": None}).model is None

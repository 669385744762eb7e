"""Triton in front of an engine that the inventory has built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterkit.engines.request import GenerateRequest
from clusterkit.errors import UsageError
from clusterkit.model.infer_options import InferOptions
from clusterkit.model.inventory import Inventory
from clusterkit.model.triton import TritonSettings
from clusterkit.use_cases.by_triton import by_triton, needs_triton
from clusterkit.use_cases.infer_server import ask_steps
from clusterkit.use_cases.resolve import resolve
from clusterkit.use_cases.session import Session

TENSORRT = {"name": "tensorrt-llm", "model": "/models/llama", "tp": 2, "version": "0.16.0"}
TRITON = {"name": "triton", "model": "/engines/llama", "tp": 2}


def session(**engine: Any) -> Session:
    given = {
        "cluster": "pair",
        "provider": "docker",
        "nodes": {"node[1-2]": {"slots": 1}},
        "network": {"subnet": "10.0.0.0/24"},
        "container": {"image": "a"},
        "engine": engine,
    }
    return Session(resolve(Inventory.model_validate(given), Path("pair.yaml")), Path("state"))


def test_it_has_the_split_the_batch_and_the_version_of_what_was_built():
    built = by_triton(session(**TENSORRT, max_batch_size=4), "/shared/engines/llama-1")
    assert built.cluster.engine == TritonSettings.model_validate(
        {
            "name": "triton",
            "model": "/shared/engines/llama-1",
            "tp": 2,
            "version": "0.16.0",
            "max_batch_size": 4,
        }
    )


@pytest.mark.parametrize(
    ("engine", "asked", "needed"),
    [(TENSORRT, "triton", True), (TENSORRT, None, False), (TRITON, "triton", False)],
)
def test_when_it_is_needed(engine: dict[str, Any], asked: str | None, needed: bool):
    assert needs_triton(session(**engine), asked) == needed


def test_other_engines_are_refused():
    with pytest.raises(UsageError) as refused:
        needs_triton(session(name="transformers"), "triton")
    assert str(refused.value) == (
        "`--engine triton` serves what engine tensorrt-llm built, and cluster pair has engine "
        "transformers. Fix: `engine: {name: triton, …}` or `engine: {name: tensorrt-llm, …}` in "
        "the inventory"
    )


def test_a_server_is_asked_for_no_other_model():
    options = InferOptions(prompt=("hi",), model="/models/other")
    with pytest.raises(UsageError) as refused:
        ask_steps(session(**TRITON), options, GenerateRequest(prompts=("hi",)))
    assert str(refused.value) == (
        "`--model` has no meaning here: the server answers with what it serves. Fix: leave it "
        "out; `clusterkit serve --model …` serves another"
    )

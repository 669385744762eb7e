"""What `infer` is asked for besides the inventory: sizes and launcher, by engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterkit.errors import UsageError
from clusterkit.model.infer_options import InferOptions
from clusterkit.model.inventory import Inventory
from clusterkit.use_cases.infer_job import with_options
from clusterkit.use_cases.resolve import resolve
from clusterkit.use_cases.session import Session

COMPILED = {"name": "torch-tensorrt", "tp": 2, "dp": 2}
PLAIN = {"name": "transformers", "pp": 2}
BUILT = {"name": "tensorrt-llm", "model": "/m"}
SERVED = {"name": "triton", "model": "/m"}


def asked(engine: dict[str, Any], **options: Any) -> Session:
    given = {
        "cluster": "here",
        "provider": "local",
        "nodes": {"localhost": {"slots": 4}},
        "engine": engine,
    }
    session = Session(resolve(Inventory.model_validate(given), Path("i.yaml")), Path("state"))
    return with_options(session, InferOptions(prompt=("hi",), **options))


@pytest.mark.parametrize(
    ("engine", "options", "split"),
    [
        (COMPILED, {}, {"dp": 2, "tp": 2}),
        (COMPILED, {"dp": 4}, {"dp": 4, "tp": 1}),
        (COMPILED, {"tp": 4, "launcher": "torchrun"}, {"dp": 1, "tp": 4}),
        (PLAIN, {"launcher": "torchrun"}, {"tp": 1, "pp": 2}),
        (PLAIN, {"tp": 3}, {"tp": 3, "pp": 1}),
    ],
)
def test_one_size_alone_means_all_ranks(
    engine: dict[str, Any], options: dict[str, Any], split: dict[str, int]
) -> None:
    settings = asked(engine, **options).cluster.engine

    assert settings.split == split
    assert settings.world_size == settings.tp * settings.groups


@pytest.mark.parametrize(
    ("engine", "options", "message"),
    [
        *(
            (
                engine,
                {"dp": 1},
                f"`--dp`: engine {engine['name']} has no replicas. Fix: leave it out, or "
                "`engine: {name: torch-tensorrt, …}` in the inventory",
            )
            for engine in (PLAIN, BUILT, SERVED)
        ),
        *(
            (
                engine,
                {"launcher": "torchrun"},
                f"`--launcher torchrun`: the ranks of engine {engine['name']} find each other by "
                "MPI. Fix: leave it out",
            )
            for engine in (BUILT, SERVED)
        ),
    ],
)
def test_engines_that_cannot(engine: dict[str, Any], options: dict[str, Any], message: str):
    with pytest.raises(UsageError) as refused:
        asked(engine, **options)

    assert str(refused.value) == message

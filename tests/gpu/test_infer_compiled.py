"""`infer` with the engine torch-tensorrt on two GPUs: PyTorch's compiler, either launcher."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.controller import Controller, new_cluster_name
from tests.gpu.flat_logits import LOGITS, PROMPT, assert_near, write_model
from tests.gpu.gpus import first_two

OTHER = "Pack my box with five dozen liquor jugs. " * 5

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def two_gpus() -> list[str]:
    return first_two()


@pytest.fixture(scope="module")
def clusterkit(
    two_gpus: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Controller]:
    """A cluster of this machine with a slot for each GPU, up."""
    folder = tmp_path_factory.mktemp("cluster")
    model = folder / "llama"
    write_model(model)
    engine = {"name": "torch-tensorrt", "backend": "inductor", "model": str(model)}
    inventory = folder / "gpus.yaml"
    inventory.write_text(
        f"cluster: {new_cluster_name()}\n"
        "provider: local\n"
        "nodes:\n"
        "  node1: {slots: 2, gpus: [0, 1]}\n"
        f"engine: {json.dumps(engine)}\n"
    )
    controller = Controller(folder)
    try:
        up = controller("up", inventory, "--yes")
        assert up.returncode == 0, up.stderr
        yield controller
    finally:
        controller.close()
        shutil.rmtree(model)  # gigabytes


@pytest.fixture(scope="module")
def alone(clusterkit: Controller) -> dict[str, Any]:
    """What one GPU answers."""
    return infer(clusterkit)


@pytest.mark.parametrize(
    ("split", "launcher"),
    [("--tp", "mpirun"), ("--tp", "torchrun"), ("--dp", "mpirun"), ("--dp", "torchrun")],
)
def test_two_gpus_give_the_logits_of_one(
    clusterkit: Controller,
    two_gpus: list[str],
    alone: dict[str, Any],
    split: str,
    launcher: str,
) -> None:
    answered = infer(clusterkit, split, 2, "--launcher", launcher)

    devices = [row["device"] for row in answered["ranks"]]
    assert devices == [f"cuda:{number} {uuid}" for number, uuid in enumerate(two_gpus)]
    assert answered["collectives"] == ("pytorch" if split == "--tp" else None)
    for number, (ours, theirs) in enumerate(zip(logits(answered), logits(alone), strict=True)):
        assert_near(f"{split} 2 by {launcher}, prompt {number}", ours, theirs)


def infer(clusterkit: Controller, *words: object) -> dict[str, Any]:
    """The JSON of one run, with all logits after each prompt; its figures are shown."""
    asked = ("-p", PROMPT, "-p", OTHER, "--raw", "--max-tokens", 32, "--logits", LOGITS)
    done = clusterkit("infer", *asked, *words, "-o", "json", timeout_s=300)
    assert done.returncode == 0, clusterkit.report()
    result: dict[str, Any] = json.loads(done.stdout)
    compiled = [row["compile_s"] for row in result["ranks"]]
    pace_s = result["answers"][0]["token_s"]
    sys.stdout.write(f"{words}: compile {compiled} s, {pace_s:.4f} s a token\n")
    return result


def logits(result: dict[str, Any]) -> list[dict[int, float]]:
    """Token id -> logit for each prompt, for every token of the vocabulary."""
    found = [dict(answer["prompt_logits"]) for answer in result["answers"]]
    assert [len(each) for each in found] == [LOGITS] * 2
    return found

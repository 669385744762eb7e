"""One machine with two GPUs: ranks see the GPUs that they were given, and NCCL joins them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.controller import Controller, new_cluster_name
from tests.gpu.flat_logits import LOGITS, PROMPT, assert_near, write_model
from tests.gpu.gpus import first_two

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module", autouse=True)
def two_gpus() -> list[str]:
    return first_two()


@pytest.fixture(scope="module")
def model(two_gpus: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("llama")
    write_model(folder)
    yield folder
    shutil.rmtree(folder)  # gigabytes


@pytest.fixture(scope="module")
def clusterkit(
    two_gpus: list[str], model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Controller]:
    """A cluster of this machine with a slot for each GPU, up."""
    folder = tmp_path_factory.mktemp("cluster")
    inventory = folder / "gpus.yaml"
    inventory.write_text(
        f"cluster: {new_cluster_name()}\n"
        "provider: local\n"
        "nodes:\n"
        "  node1: {slots: 2, gpus: [0, 1]}\n"
        f"engine: {{name: transformers, model: {json.dumps(str(model))}}}\n"
    )
    controller = Controller(folder)
    try:
        up = controller("up", inventory, "--yes")
        assert up.returncode == 0, up.stderr
        yield controller
    finally:
        controller.close()


@pytest.fixture(scope="module")
def alone(clusterkit: Controller) -> dict[str, Any]:
    """What one GPU answers."""
    return infer(clusterkit, tp=1, pp=1)


def test_every_rank_sees_its_gpu(clusterkit: Controller, two_gpus: list[str]) -> None:
    hello = clusterkit("mpi-hello", "-o", "json")

    assert hello.returncode == 0, hello.stderr
    ranks = json.loads(hello.stdout)["ranks"]
    assert [(row["rank"], row["local_rank"], row["device"]) for row in ranks] == [
        (number, number, f"GPU {number} {uuid}") for number, uuid in enumerate(two_gpus)
    ]


@pytest.mark.parametrize(("tp", "pp"), [(2, 1), (1, 2)])
def test_split_over_two_gpus_gives_the_logits_of_one(
    clusterkit: Controller, two_gpus: list[str], alone: dict[str, Any], tp: int, pp: int
) -> None:
    split = infer(clusterkit, tp=tp, pp=pp)

    sys.stdout.write(told(alone, "one GPU") + told(split, f"tp={tp} pp={pp}"))
    devices = [row["device"] for row in split["ranks"]]
    assert devices == [f"cuda:{number} {uuid}" for number, uuid in enumerate(two_gpus)]
    assert_near(f"tp={tp} pp={pp}", logits_of(split), logits_of(alone))


def infer(clusterkit: Controller, *, tp: int, pp: int) -> dict[str, Any]:
    """The JSON of one run, with all logits after the prompt."""
    words = ("--prompt", PROMPT, "--raw", "--max-tokens", 32, "--tp", tp, "--pp", pp)
    done = clusterkit("infer", *words, "--logits", LOGITS, "-o", "json", timeout_s=300)
    assert done.returncode == 0, clusterkit.report()
    result = json.loads(done.stdout)
    assert result["dtype"] == "bfloat16"
    assert len(result["ranks"]) == tp * pp
    return result


def logits_of(result: dict[str, Any]) -> dict[int, float]:
    """Token id -> logit, for every token of the vocabulary."""
    (answer,) = result["answers"]
    found = dict(answer["prompt_logits"])
    assert len(found) == LOGITS
    return found


def told(result: dict[str, Any], what: str) -> str:
    """The figures of a run, for docs/benchmarks.md."""
    (answer,) = result["answers"]
    return (
        f"{what}: load {result['load_s']:.1f} s, first token {answer['first_token_s']:.3f} s, "
        f"{1 / answer['token_s']:.1f} tokens/s, {result['versions']}\n"
    )

"""One machine with two GPUs: ranks see the GPUs that they were given, and NCCL joins them.

The model is a Llama of random bfloat16 weights. Such weights give nearly flat logits, where the
likeliest token hangs on the last bit, so logits are compared, not tokens.

The tolerance: bfloat16 keeps 8 bits, so a sum that is split in two and added by an all-reduce
differs from the whole one by up to 2**-8 of its size. Each layer has two such sums, and their
errors are independent: sqrt(2 * LAYERS) * 2**-8 = 1.6 % of the spread of the logits for 8
layers. Twice that is allowed for the root mean square over all logits, and 4.5 times the root
mean square for the largest of 4096 (normally distributed errors reach 3.7). A model with another
seed, or half of this one, would differ by more than 100 %.
"""

from __future__ import annotations

import json
import math
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.controller import Controller, new_cluster_name

LAYERS, HIDDEN = 8, 4096
LOGITS = 4096
PROMPT = "The quick brown fox jumps over the lazy dog. " * 4
RMS_TOLERANCE = 2 * math.sqrt(2 * LAYERS) * 2**-8
LARGEST_TOLERANCE = 4.5 * RMS_TOLERANCE

pytestmark = pytest.mark.gpu


def uuids() -> list[str]:
    """The GPUs of this machine, in the order of their indices."""
    if shutil.which("nvidia-smi") is None:
        return []
    words = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    return subprocess.run(words, capture_output=True, text=True).stdout.split()


@pytest.fixture(scope="module", autouse=True)
def two_gpus() -> list[str]:
    found = uuids()
    if len(found) < 2:
        pytest.skip(f"this machine has {len(found)} NVIDIA GPUs, and two are needed")
    return found[:2]


@pytest.fixture(scope="module")
def model(two_gpus: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("llama")
    script = Path(__file__).with_name("random_llama.py")
    subprocess.run([sys.executable, script, folder, str(LAYERS), str(HIDDEN)], check=True)
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

    rms, largest = difference(logits_of(split), logits_of(alone))
    sys.stdout.write(f"tp={tp} pp={pp}: rms {rms:.3%}, largest {largest:.3%} of the spread\n")
    sys.stdout.write(told(alone, "one GPU") + told(split, f"tp={tp} pp={pp}"))
    devices = [row["device"] for row in split["ranks"]]
    assert devices == [f"cuda:{number} {uuid}" for number, uuid in enumerate(two_gpus)]
    assert rms <= RMS_TOLERANCE
    assert largest <= LARGEST_TOLERANCE


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


def difference(ours: dict[int, float], theirs: dict[int, float]) -> tuple[float, float]:
    """Root mean square and largest difference, as a share of the spread of ``theirs``."""
    spread = statistics.pstdev(theirs.values())
    apart = [abs(ours[token] - value) for token, value in theirs.items()]
    return math.sqrt(statistics.fmean(gap**2 for gap in apart)) / spread, max(apart) / spread

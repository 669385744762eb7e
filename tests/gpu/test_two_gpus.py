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

import pytest

from tests.e2e.controller import Controller, new_cluster_name
from tests.e2e.model import generate

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


def test_ranks_run_on_their_gpus(
    two_gpus: list[str], model: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = new_cluster_name()
    inventory = tmp_path / "gpus.yaml"
    inventory.write_text(
        f"cluster: {name}\n"
        "provider: local\n"
        "nodes:\n"
        "  node1: {slots: 2, gpus: [0, 1]}\n"
        f"engine: {{name: transformers, model: {json.dumps(str(model))}, tp: 2}}\n"
    )
    clusterkit = Controller(tmp_path_factory.mktemp("home"))
    try:
        up = clusterkit("up", inventory, "--yes")
        assert up.returncode == 0, up.stderr

        hello = clusterkit("mpi-hello", "-o", "json")
        assert hello.returncode == 0, hello.stderr
        ranks = json.loads(hello.stdout)["ranks"]
        assert [(row["rank"], row["local_rank"]) for row in ranks] == [(0, 0), (1, 1)]
        assert [uuid in row["device"] for uuid, row in zip(two_gpus, ranks, strict=True)] == [
            True,
            True,
        ]

        for split in (("--tp", 2), ("--pp", 2)):
            words = ("--prompt", PROMPT, "--raw", "--max-tokens", 8, *split, "-o", "json")
            infer = clusterkit("infer", *words, timeout_s=300)
            assert infer.returncode == 0, infer.stderr
            result = json.loads(infer.stdout)
            devices = [row["device"] for row in result["ranks"]]
            assert devices == [f"cuda:{n} {uuid}" for n, uuid in enumerate(two_gpus)]
            (answer,) = result["answers"]
            assert (answer["completion_tokens"], answer["finish_reason"]) == (8, "length")
            assert result["dtype"] == "bfloat16"
    except BaseException:
        sys.stderr.write(clusterkit.report())
        raise
    finally:
        clusterkit.close()


@pytest.fixture(scope="module")
def alone(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, float]:
    """The logits that one GPU gives for the token after the prompt."""
    return logits(tmp_path_factory.mktemp("alone"), model)


@pytest.mark.parametrize(("tp", "pp"), [(2, 1), (1, 2)])
def test_split_over_two_gpus_gives_the_logits_of_one(
    alone: dict[int, float], model: Path, tmp_path: Path, tp: int, pp: int
) -> None:
    split = logits(tmp_path, model, tp=tp, pp=pp)

    rms, largest = difference(split, alone)
    sys.stdout.write(f"tp={tp} pp={pp}: rms {rms:.3%}, largest {largest:.3%} of the spread\n")
    assert rms <= RMS_TOLERANCE
    assert largest <= LARGEST_TOLERANCE


def logits(folder: Path, model: Path, *, tp: int = 1, pp: int = 1) -> dict[int, float]:
    """All logits after the prompt, from the payload under a bare mpirun."""
    run = generate(
        folder,
        str(model),
        PROMPT,
        tp=tp,
        pp=pp,
        raw=True,
        max_tokens=1,
        logits=LOGITS,
        dtype="bfloat16",
        threads=None,
    )
    assert run.exit_code == 0, run.stderr
    assert len({row["gpu_uuid"] for row in run.of("ready")}) == tp * pp
    (answer,) = run.of("answer")
    found: dict[int, float] = dict(answer["prompt_logits"])
    assert len(found) == LOGITS
    return found


def difference(ours: dict[int, float], theirs: dict[int, float]) -> tuple[float, float]:
    """Root mean square and largest difference, as a share of the spread of ``theirs``."""
    spread = statistics.pstdev(theirs.values())
    apart = [abs(ours[token] - value) for token, value in theirs.items()]
    return math.sqrt(statistics.fmean(gap**2 for gap in apart)) / spread, max(apart) / spread

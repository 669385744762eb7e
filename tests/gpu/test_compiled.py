"""The engine's compiled ranks on two GPUs, by PyTorch's own compiler: replicas, and a split model.

Ranks run under a bare mpirun.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.model import Run, compiled, generate
from tests.gpu.flat_logits import LOGITS, PROMPT, assert_near, write_model
from tests.gpu.gpus import first_two

OTHER = "Pack my box with five dozen liquor jugs. " * 5
HOW = {"raw": True, "max_tokens": 32, "logits": LOGITS, "threads": None}
INDUCTOR = {**HOW, "backend": "inductor"}

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module", autouse=True)
def two_gpus() -> list[str]:
    found = first_two()
    if shutil.which("gcc") is None and shutil.which("clang") is None:
        pytest.fail("triton, which inductor needs, compiles with gcc or clang: install one")
    return found


@pytest.fixture(scope="module")
def model(two_gpus: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("llama")
    write_model(folder)
    yield str(folder)
    shutil.rmtree(folder)  # gigabytes


@pytest.fixture(scope="module")
def alone(model: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What one process of transformers answers on one GPU."""
    run = generate(tmp_path_factory.mktemp("alone"), model, PROMPT, OTHER, **HOW)
    assert run.exit_code == 0, run.stderr
    show("one process, not compiled", run)
    return run


@pytest.mark.parametrize(("dp", "tp"), [(1, 1), (2, 1), (1, 2)])
def test_compiled_ranks_give_the_logits_of_one_process(
    alone: Run, model: str, two_gpus: list[str], tmp_path: Path, dp: int, tp: int
) -> None:
    run = compiled(tmp_path, model, PROMPT, OTHER, dp=dp, tp=tp, **INDUCTOR)

    assert run.exit_code == 0, [*run.of("error"), run.stderr]
    show(f"inductor, dp={dp} tp={tp}", run)
    ready = sorted(run.of("ready"), key=lambda row: row["rank"])
    assert [row["gpu_uuid"] for row in ready] == two_gpus[: dp * tp]
    assert {row["collectives"] for row in ready} == {"pytorch" if tp > 1 else None}
    assert [row["graphs"] for row in run.of("peak")] == [row["graphs"] for row in ready]
    whole = alone.of("ready")[0]["parameters"]
    assert all(row["parameters"] < whole * 0.6 or tp == 1 for row in ready)
    theirs = logits_of(alone)
    for prompt, ours in logits_of(run).items():
        assert_near(f"prompt {prompt}", ours, theirs[prompt])


def logits_of(run: Run) -> dict[int, dict[int, float]]:
    """Prompt -> token id -> logit, for every token of the vocabulary."""
    found = {row["prompt"]: dict(row["prompt_logits"]) for row in run.of("answer")}
    assert {len(logits) for logits in found.values()} == {LOGITS}
    return found


def show(what: str, run: Run) -> None:
    """The figures of a run, for docs/benchmarks.md."""
    compile_s = [row["compile_s"] for row in run.of("ready") if row.get("compile_s")]
    token_s = [row["token_s"] for row in run.of("answer")]
    peak_gib = max(row["memory_bytes"] for row in run.of("peak")) / 2**30
    sys.stdout.write(
        f"{what}: load {max(row['load_s'] for row in run.of('ready')):.1f} s, "
        f"compile {max(compile_s, default=0):.1f} s, {max(token_s):.4f} s per token, "
        f"peak {peak_gib:.1f} GiB, {run.of('done')[0]['versions']}\n"
    )

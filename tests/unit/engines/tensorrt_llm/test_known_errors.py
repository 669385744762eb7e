"""Logs as ranks leave them, and what is said of each."""

from __future__ import annotations

import pytest

from clusterkit.engines.tensorrt_llm.known_errors import KNOWN, explain
from tests.unit.engines.tensorrt_llm.known_logs import AFTER, BEFORE, GPUS_PER_NODE, SAMPLES


@pytest.mark.parametrize(
    ("said", "cause", "fix"), SAMPLES, ids=[sample[1][:50] for sample in SAMPLES]
)
def test_a_known_failure_is_explained(said: str, cause: str, fix: str) -> None:
    told = explain(f"{BEFORE}{said}\n{AFTER}")
    assert told is not None
    what, found, mending = told.partition(". Fix: ")
    assert what.startswith(cause)
    assert found
    assert fix in mending
    assert "{" not in what


def test_every_row_is_met_by_a_log() -> None:
    told = [explain(f"{BEFORE}{said}\n{AFTER}") for said, _, _ in SAMPLES]
    log = [known for known in KNOWN if not any(_is_of(known.cause, text) for text in told if text)]
    assert log == []


def _is_of(cause: str, text: str) -> bool:
    """Whether a text is of the row with this cause, whose gaps are filled."""
    first, *_ = cause.split("{")
    return text.startswith(first) if first else cause.rpartition("}")[2] in text


def test_a_log_that_ends_well_or_otherwise_is_not_explained() -> None:
    assert explain("") is None
    assert explain(BEFORE + AFTER) is None
    assert explain(f"{BEFORE}ZeroDivisionError: division by zero\n{AFTER}") is None
    assert (
        explain('Input [Text 0]: "What does signal processing do?"\nOutput [Text 0 Beam 0]: "It"')
        is None
    )


def test_what_is_nearest_to_the_cause_is_told() -> None:
    log = (
        "RuntimeError: [TensorRT-LLM][ERROR] CUDA runtime error in cudaSetDevice(device): invalid "
        "device ordinal\nNCCL error: internal error\n"
        "mpirun noticed that process rank 1 exited on signal 9 (Killed).\n"
    )
    assert explain(log) == (
        "a rank asked for a GPU that its node does not have: TensorRT-LLM assumes 8 GPUs a "
        f"node where nobody tells it. Fix: {GPUS_PER_NODE}"
    )

"""The payload of compiled models under a bare mpirun: it answers as one plain process does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.model import Run, built_model, compiled, generate, write_tiny_llama
from tests.e2e.tiny_llama import HIDDEN, VOCAB

POEM = "Write a poem about the sea."
PROMPTS = ("Hello there", "a", "What is this?")
SAMPLED = {"temperature": 0.9, "top_p": 0.95, "seed": 11}


@pytest.fixture(scope="module")
def model() -> str:
    return built_model().folder


@pytest.fixture(scope="module")
def alone(model: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What one process of transformers answers."""
    return generate(tmp_path_factory.mktemp("alone"), model, POEM, "Hi!", logits=5)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that compiles fast: 4 heads, 2 of them KV heads."""
    return write_tiny_llama(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tiny_alone(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What one process of transformers answers."""
    return generate(tmp_path_factory.mktemp("alone"), tiny, *PROMPTS, raw=True, logits=5)


def test_compiled_replicas_answer_as_one_process(alone: Run, model: str, tmp_path: Path) -> None:
    run = compiled(tmp_path, model, POEM, "Hi!", dp=2, backend="inductor", logits=5)

    assert (run.exit_code, run.stderr) == (0, "")
    assert run.tokens == alone.tokens
    assert_near(run, alone)
    for ready in run.of("ready"):
        assert ready["parameters"] == alone.of("ready")[0]["parameters"]
        assert (ready["collectives"], ready["graphs"]) == (None, 1)
        assert ready["compile_s"] > 0
    assert [row["graphs"] for row in run.of("peak")] == [1, 1]  # nothing was compiled again


def test_a_split_model_answers_as_one_process(alone: Run, model: str, tmp_path: Path) -> None:
    """Nine heads and three KV heads on three ranks; the embedding is the output layer too."""
    run = compiled(tmp_path, model, POEM, "Hi!", tp=3, logits=5)

    assert (run.exit_code, run.stderr) == (0, "")
    assert run.tokens == alone.tokens
    assert_near(run, alone)
    whole = alone.of("ready")[0]["parameters"]
    assert all(row["parameters"] < whole * 0.34 for row in run.of("ready"))
    assert {(row["collectives"], row["graphs"]) for row in run.of("ready")} == {("pytorch", 1)}
    assert [row["graphs"] for row in run.of("peak")] == [1, 1, 1]


def test_a_compiled_split_model_answers_as_one_process(
    tiny: str, tiny_alone: Run, tmp_path: Path
) -> None:
    """A small one: three ranks that compile 30 layers take minutes."""
    how = {"backend": "inductor", "batch": 2, "raw": True}
    run = compiled(tmp_path, tiny, *PROMPTS, tp=2, logits=5, **how)

    assert (run.exit_code, run.stderr) == (0, "")
    assert run.tokens == tiny_alone.tokens
    assert_near(run, tiny_alone)
    assert [row["graphs"] for row in run.of("ready") + run.of("peak")] == [1, 1, 1, 1]


def test_replicas_of_a_split_model_answer_batches(
    tiny: str, tiny_alone: Run, tmp_path: Path
) -> None:
    run = compiled(tmp_path, tiny, *PROMPTS, dp=2, tp=2, batch=2, raw=True, logits=5)

    assert (run.exit_code, run.stderr) == (0, "")
    assert run.tokens == tiny_alone.tokens
    assert_near(run, tiny_alone)
    assert sorted(row["rank"] for row in run.of("ready")) == [0, 1, 2, 3]
    assert sorted(row["rank"] for row in run.of("peak")) == [0, 1, 2, 3]
    (done,) = run.of("done")
    assert (done["dp"], done["tp"]) == (2, 2)
    assert {row["graphs"] for row in run.of("peak")} == {1}
    assert {row["parameters"] for row in run.of("ready")} == {
        halved(tiny_alone.of("ready")[0]["parameters"])
    }


def test_ranks_sample_the_same_as_one_process(tiny: str, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()

    plain = generate(one, tiny, *PROMPTS, raw=True, **SAMPLED)
    split = compiled(two, tiny, *PROMPTS, raw=True, tp=2, batch=3, **SAMPLED)

    assert (plain.exit_code, split.exit_code) == (0, 0)
    assert split.tokens == plain.tokens
    assert [row["seed"] for row in split.of("answer")] == [11, 11, 11]


def test_replicas_without_a_seed_take_one(tiny: str, tmp_path: Path) -> None:
    run = compiled(tmp_path, tiny, "a", "a", dp=2, raw=True, temperature=1.0, max_tokens=4)

    first, second = run.of("answer")
    assert first["seed"] == second["seed"]
    assert isinstance(first["seed"], int)


def test_a_replica_without_a_prompt_does_nothing(
    tiny: str, tiny_alone: Run, tmp_path: Path
) -> None:
    run = compiled(tmp_path, tiny, PROMPTS[0], dp=2, raw=True)

    assert run.exit_code == 0
    assert run.tokens == {0: tiny_alone.token_ids[0]}
    (idle,) = [row for row in run.of("ready") if row["rank"] == 1]
    assert (idle["parameters"], idle["compile_s"], idle["dtype"]) == (0, None, "float32")
    assert [row["event"] for row in run.events if row.get("rank") == 1] == ["ready", "peak"]


def test_a_model_whose_files_have_other_names_is_split(
    tiny: str, tiny_alone: Run, tmp_path: Path
) -> None:
    """transformers reads files of a bare LlamaModel too, which have no `model.` before names."""
    from safetensors.torch import load_file, save_file

    other = tmp_path / "other"
    other.mkdir()
    for path in Path(tiny).iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    weights = load_file(other / "model.safetensors")
    renamed = {name.removeprefix("model."): weight for name, weight in weights.items()}
    save_file(renamed, other / "model.safetensors", metadata={"format": "pt"})

    run = compiled(tmp_path, str(other), *PROMPTS, tp=2, batch=3, raw=True)

    assert (run.exit_code, run.stderr) == (0, "")
    assert run.tokens == tiny_alone.tokens


def test_heads_that_cannot_be_divided(tiny: str, tmp_path: Path) -> None:
    run = compiled(tmp_path, tiny, "a", tp=3, raw=True)

    assert run.exit_code == 2
    assert {row["message"] for row in run.of("error")} == {
        f"tp=3 does not divide 4 attention heads and 2 KV heads of {Path(tiny).name}. "
        "Fix: a tp that divides both"
    }


def test_other_ranks_than_parts(tiny: str, tmp_path: Path) -> None:
    run = compiled(tmp_path, tiny, "a", dp=2, tp=2, ranks=1, raw=True)

    assert run.exit_code == 2
    assert [row["message"] for row in run.of("error")] == [
        "dp=2 x tp=2 needs 4 ranks, and 1 run. Fix: start dp x tp ranks"
    ]


def test_no_compiler_for_inductor(tiny: str, tmp_path: Path) -> None:
    run = compiled(tmp_path, tiny, "a", backend="inductor", raw=True, env={"CXX": "/nonexistent"})

    assert run.exit_code == 1
    assert [row["message"] for row in run.of("error")] == [
        f"{os.uname().nodename}: backend inductor found no C++ compiler. Fix: install one on "
        "every node (Debian and Ubuntu: `apt-get install g++`) or name it in CXX; or "
        "`backend: eager`"
    ]


def test_an_option_that_inductor_does_not_know(tiny: str, tmp_path: Path) -> None:
    options = {"max_autotuna": True}
    run = compiled(tmp_path, tiny, "a", backend="inductor", options=options, raw=True)

    assert run.exit_code == 2
    (error,) = run.of("error")
    assert error["message"].startswith(
        "backend inductor: RuntimeError: Unexpected optimization option max_autotuna, "
    )
    assert error["message"].endswith(". Fix: engine.options without it")


def assert_near(ours: Run, theirs: Run) -> None:
    """The highest logits after each prompt are the same but for rounding."""
    wanted = {row["prompt"]: dict(row["prompt_logits"]) for row in theirs.of("answer")}
    for row in ours.of("answer"):
        assert dict(row["prompt_logits"]) == pytest.approx(wanted[row["prompt"]], abs=1e-3)


def halved(parameters: int) -> int:
    """What a rank of two has of the tiny model: norms and the embedding whole, the rest halved."""
    whole = 5 * HIDDEN + VOCAB * HIDDEN
    return whole + (parameters - whole) // 2

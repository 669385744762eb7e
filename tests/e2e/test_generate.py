"""The payload under a bare mpirun: however the model is split, the answer is the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.model import Run, built_model, generate

POEM = "Write a poem about the sea."
ODD = 'it\'s $(touch /pwned) "x" \\n ünï\t😀\n'
SAMPLED = {"temperature": 0.9, "top_p": 0.95, "seed": 11}


@pytest.fixture(scope="module")
def model() -> str:
    return built_model().folder


@pytest.fixture(scope="module")
def alone(model: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What one process answers."""
    return generate(tmp_path_factory.mktemp("alone"), model, POEM, ODD, logits=5)


def test_one_process_answers(alone: Run) -> None:
    assert (alone.exit_code, alone.stderr) == (0, "")
    (ready,) = alone.of("ready")
    assert (ready["rank"], ready["device"], ready["dtype"]) == (0, "cpu", "float32")
    first, second = alone.of("answer")
    assert first["text"].startswith("In the depths of the ocean, where shadows play,")
    assert (first["completion_tokens"], first["finish_reason"]) == (24, "length")
    assert (first["prompt"], second["prompt"]) == (0, 1)
    assert [event["event"] for event in alone.events[-2:]] == ["peak", "done"]


def test_a_prompt_arrives_byte_for_byte(alone: Run) -> None:
    asked = alone.of("answer")[1]["prompt_text"]

    assert asked.endswith(f"<|im_start|>user\n{ODD}<|im_end|>\n<|im_start|>assistant\n")
    assert not Path("/pwned").exists()


@pytest.mark.parametrize(("tp", "pp"), [(1, 2), (3, 1), (3, 2)])
def test_a_split_model_answers_as_one(
    alone: Run, model: str, tmp_path: Path, tp: int, pp: int
) -> None:
    split = generate(tmp_path, model, POEM, ODD, tp=tp, pp=pp, logits=5)

    assert (split.exit_code, split.stderr) == (0, "")
    assert split.token_ids == alone.token_ids
    assert sorted(row["rank"] for row in split.of("ready")) == list(range(tp * pp))
    whole = alone.of("ready")[0]["parameters"]
    assert all(row["parameters"] < whole for row in split.of("ready"))
    for ours, theirs in zip(split.of("answer"), alone.of("answer"), strict=True):
        assert dict(ours["prompt_logits"]) == pytest.approx(
            dict(theirs["prompt_logits"]), abs=1e-3
        )


def test_ranks_sample_the_same_as_one_process(model: str, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    one = generate(tmp_path / "one", model, POEM, "Hi!", **SAMPLED)
    two = generate(tmp_path / "two", model, POEM, "Hi!", pp=2, **SAMPLED)

    assert (one.exit_code, two.exit_code) == (0, 0)
    assert one.token_ids == two.token_ids
    assert [row["seed"] for row in two.of("answer")] == [11, 11]


def test_text_comes_in_whole_characters(model: str, tmp_path: Path) -> None:
    """Emoji are several tokens each."""
    run = generate(tmp_path, model, "🐱🐱🐱🐱🐱🐱🐱🐱", raw=True, max_tokens=13)

    told = [row["text"] for row in run.of("token")]
    (answer,) = run.of("answer")
    assert "".join(told) == answer["text"]
    assert answer["prompt_text"] == "🐱🐱🐱🐱🐱🐱🐱🐱"
    assert told[:4] == ["🐱"] * 4  # four times three tokens,
    assert told[4:] == ["\ufffd"]  # and one that begins a fifth: no more tokens were allowed


def test_a_prompt_longer_than_the_context(model: str, tmp_path: Path) -> None:
    run = generate(tmp_path, model, "hi", "word " * 9000, "word " * 8140, pp=2)

    assert run.exit_code == 2
    assert {(row["event"], row["message"]) for row in run.events} == {
        (
            "error",
            "prompt 2 has 9031 tokens and 24 may follow; the model's context is 8192. "
            "Fix: a shorter prompt\n"
            "prompt 3 has 8171 tokens and 24 may follow; the model's context is 8192. "
            "Fix: `--max-tokens 21` at most",
        )
    }


def test_other_ranks_than_parts(model: str, tmp_path: Path) -> None:
    run = generate(tmp_path, model, "hi", tp=3, pp=2, ranks=1)

    assert run.exit_code == 2
    assert run.events == [
        {
            "event": "error",
            "rank": 0,
            "message": "tp=3 x pp=2 needs 6 ranks, and 1 run. Fix: start tp x pp ranks",
        }
    ]


def test_no_model(tmp_path: Path) -> None:
    run = generate(tmp_path, str(tmp_path / "nowhere"), "hi")

    assert run.exit_code == 1
    assert run.events == [
        {
            "event": "error",
            "rank": 0,
            "message": f"{os.uname().nodename}: no model in {tmp_path / 'nowhere'}. "
            "Fix: build it there",
        }
    ]

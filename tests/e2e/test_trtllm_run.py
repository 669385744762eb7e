"""Ranks that run run.py, under a real mpirun; a stand-in of it prints as its version does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from clusterkit import events
from clusterkit.engines.answers import Completion, Done, RankError, Token, told
from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.tensorrt_llm.running import run_program
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import Placement, Rank
from tests.e2e.local_job import PAYLOADS, jobs_here, run

STAND_IN = Path(__file__).parents[1] / "stand_ins/run_py"
TWO = Placement((Rank(0, "here", 0), Rank(1, "here", 1)))
ANSWER = 'It is "Paris".\nOutput [Text 0 Beam 0]: "no"'  # the stand-in's
PROMPT = 'What is\nthe "capital"?'


class Place:
    """An engine and the vendor's examples in a folder; jobs that answer prompts with them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.engine = folder, folder / "engine"
        tokenizer = self.engine / "tokenizer"
        tokenizer.mkdir(parents=True)
        files: dict[str, Any] = {
            "tokenizer_config.json": {"eos_token": {"content": "</s>"}},
            "generation_config.json": {"top_k": 0, "top_p": 0.8, "chat_format": "raw"},
            "qwen.tiktoken": {},
        }
        for name, content in files.items():
            (tokenizer / name).write_text(json.dumps(content))
        for path in ("", "llama/", "qwen/", "chatglm/", "chatglm2-6b/"):
            examples = folder / "examples" / path
            examples.mkdir(parents=True, exist_ok=True)
            for name in ("run.py", "utils.py"):
                (examples / name).write_text((STAND_IN / name).read_text())

    def describe(self, **config: Any) -> None:
        """The engine's config.json."""
        (self.engine / "config.json").write_text(json.dumps(config))

    def answer(
        self, stand_in: str, *prompts: str, ends: str = "", fix: str = "auto", **request: Any
    ) -> Answers:
        version, _, family = stand_in.partition(" ")
        family = "chatglm2" if family == "chatglm" else family or None
        program = run_program(
            TensorRtLlmSettings(
                name="tensorrt-llm",
                model="/models/m",
                family=family,
                tp=2,
                examples=str(self.folder / "examples"),
                gpus_per_node=fix,
            ),
            Version(version),
            TWO,
            GenerateRequest(prompts or (PROMPT,), **request),
            python=sys.executable,
            payload_folder=PAYLOADS,
            engine_folder=str(self.engine),
        )
        env = {**program.env, "STAND_IN_VERSION": stand_in, "STAND_IN_END": ends}
        heard: list[events.Event] = []
        with jobs_here(self.folder / "home") as make:
            end = run(make(*program.argv, env=env, files=dict(program.files)), heard.append)
        return Answers(end, heard)


class Answers:
    """What was heard of one job."""

    def __init__(self, end: Any, heard: list[events.Event]) -> None:
        self.end = end
        rows = [(each.rank, each.data) for each in heard if isinstance(each, events.RankAnswer)]
        self.told = [told(rank, row) for rank, row in rows]
        self.logs = [each for each in heard if isinstance(each, events.RankOutput)]

    @property
    def completions(self) -> list[tuple[str, str]]:
        return [(each.prompt_text, each.text) for each in self.of(Completion)]

    @property
    def words(self) -> list[str]:
        return self._seen["words"]

    @property
    def seen(self) -> list[list[Any]]:
        """What each rank's run.py had: its number, the descriptor of events, its engine."""
        return self._seen["seen"]

    @property
    def _seen(self) -> dict[str, Any]:
        rows = [each.text for each in self.logs if each.stream == "stderr"]
        return json.loads(next(row for row in rows if row.startswith('{"seen"')))

    def of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.told if isinstance(each, kind)]

    def log(self, rank: int) -> list[str]:
        return [each.text for each in self.logs if each.rank == rank and each.stream == "stdout"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.describe(pretrained_config={"dtype": "bfloat16", "mapping": {"world_size": 2}})
    return made


def test_0_8_with_its_banner_glued_to_the_answer(place):
    answers = place.answer("0.8.0", PROMPT, "two")

    assert answers.end.outcome == "done", answers.end.message
    assert answers.completions == [(f"<s> {PROMPT}", ANSWER), ("<s> two", ANSWER)]
    assert answers.of(Done) == [Done({"tensorrt_llm": "0.8.0"}, "bfloat16")]
    assert answers.of(Token) == [Token(0, ANSWER), Token(1, ANSWER)]
    assert [row[:2] for row in answers.seen] == [[0, None], [1, None]]
    assert answers.log(1) == ["[TensorRT-LLM] TensorRT-LLM version: 0.8.0"]


def test_0_16_streams_though_its_other_ranks_cannot(place):
    answers = place.answer("0.16.0", temperature=0.5)

    assert answers.end.outcome == "done", answers.end.message
    assert answers.completions == [(f"<s> {PROMPT}", ANSWER)]
    pieces = [token.text for token in answers.of(Token)]
    assert pieces == [ANSWER[:4], ANSWER[4:12], ANSWER[12:]]
    seed = int(answers.words[-1])
    assert answers.words[-2] == "--random_seed"
    assert answers.of(Completion)[0].seed == seed
    assert sum(line.startswith("Input [Text 0]") for line in answers.log(0)) == 1


def test_0_16_is_told_its_gpus_by_a_config_of_its_own(place):
    published = (place.engine / "config.json").read_text()
    answers = place.answer("0.16.0", fix="config")

    assert answers.end.outcome == "done", answers.end.message
    engines = {row[2] for row in answers.seen}
    assert len(engines) == 1
    assert str(place.engine) not in engines
    assert [row[3] for row in answers.seen] == [2, 2]
    assert (place.engine / "config.json").read_text() == published


def test_0_8_is_told_its_gpus_by_an_import_hook(place):
    answers = place.answer("0.8.0", fix="shim")

    assert [row[4] for row in answers.seen] == ["2", "2"]


def test_llama_of_0_5_without_what_fills_its_length(place):
    place.describe(builder_config={"precision": "float16"})
    answers = place.answer("0.5.0 llama")

    assert answers.end.outcome == "done", answers.end.message
    assert answers.completions == [(f"<s> {PROMPT}", ANSWER)]
    assert answers.of(Done) == [Done({"tensorrt_llm": "0.5.0"}, "float16")]


def test_qwen_of_0_6_is_made_greedy_by_a_tokenizer_folder_of_its_own(place):
    answers = place.answer("0.6.1 qwen")

    assert answers.completions == [(PROMPT, "top_k 1, chat_format raw")]
    assert (
        json.loads((place.engine / "tokenizer/generation_config.json").read_text())["top_k"] == 0
    )


def test_qwen_of_0_6_without_a_generation_config_is_refused(place):
    (place.engine / "tokenizer/generation_config.json").unlink()
    answers = place.answer("0.6.1 qwen")

    assert answers.end.outcome == "failed"
    assert "generation_config.json cannot be read" in answers.of(RankError)[0].message


def test_chatglm2_of_0_5_finds_its_tokenizer_where_it_runs(place):
    assert place.answer("0.5.0 chatglm2").completions == [(PROMPT, ANSWER)]


def test_chatglm_of_0_6_is_called_as_its_engine_was(place):
    place.describe(builder_config={"name": "chatglm2_6b_32k"})
    answers = place.answer("0.6.1 chatglm", "one", PROMPT)

    assert answers.completions == [
        ("one", f"chatglm2_6b_32k: {ANSWER}"),
        (PROMPT, f"chatglm2_6b_32k: {ANSWER}"),
    ]
    assert [each.prompt_tokens for each in answers.of(Completion)] == [3, len(PROMPT)]


@pytest.mark.parametrize(
    ("ends", "exit_code", "signal"),
    [("7", 7, None), ("SIGSEGV", None, "SIGSEGV"), ("SIGKILL", None, "SIGKILL")],
)
def test_a_rank_ends_as_its_run_py_does(place, ends, exit_code, signal):
    answers = place.answer("0.8.0", ends=ends)

    assert answers.end.outcome == "failed"
    rank = answers.end.ranks[1]
    assert (rank.exit_code, rank.signal) == (exit_code, signal)
    assert answers.completions == []
    assert any("invalid device ordinal" in each.text for each in answers.logs)


def test_flags_that_run_py_does_not_take_end_with_its_words(place):
    utils = place.folder / "examples/utils.py"
    utils.write_text(utils.read_text().replace('"--max_input_length",', ""))
    answers = place.answer("0.8.0")

    assert answers.end.outcome == "failed"
    assert any("unrecognized arguments" in each.text for each in answers.logs)

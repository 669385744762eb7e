"""How prompts are answered: run.py's whole lines, of every version, family and kind of request.

They are in ``trtllm_run.txt``: after a change that is meant, write them anew with
``CLUSTERKIT_WRITE_GOLDEN=1`` and read the difference. Each is judged by the vendor's parsers.
"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import Any, get_args

import pytest
from packaging.version import Version

from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.tensorrt_llm.running import run_program
from clusterkit.errors import UsageError
from clusterkit.model.job import RankProgram
from clusterkit.model.tensorrt_llm import Family, TensorRtLlmSettings
from clusterkit.placement import Placement, Rank
from tests.golden.golden import on_file
from tests.golden.vendor_parsers import Refused, judge

GOLDEN = Path(__file__).parent / "trtllm_run.txt"
EXAMPLES = "/app/tensorrt_llm/examples"
ENGINE = "/shared/clusterkit/engines/llama-tp2-0123456789ab"
OLD = ("0.5.0", "0.6.0", "0.6.1")
NEW = (
    *("0.7.0", "0.7.1", "0.8.0", "0.9.0", "0.10.0", "0.11.0", "0.12.0", "0.13.0", "0.14.0"),
    *("0.15.0", "0.16.0", "0.17.0", "0.18.0", "0.19.0", "0.20.0", "1.0.0", "1.1.0", "1.2.0"),
    *("1.2.1", "1.3.0rc0", "1.3.0rc3", "1.3.0rc20"),
)
FAMILIES: tuple[Family, ...] = get_args(Family)
ONE = Placement((Rank(0, "node1", 0, 0),))
TWO = Placement((Rank(0, "node1", 0, 0), Rank(1, "node2", 0, 0)))
REQUESTS = {
    "greedy": GenerateRequest(("What is the capital of France?",)),
    "dash": GenerateRequest(("-5 + 3 =",), max_tokens=7),
    "several": GenerateRequest(("One", 'two "x" …'), raw=True),
    "sampled": GenerateRequest(("One",), temperature=0.7, top_p=0.9),
    "seeded": GenerateRequest(("One",), temperature=1.5, seed=42),
}
# Its parsers of 0.6 are not in the flags file; so much of them was read in their sources.
READ_0_6: dict[str, dict[str, Any]] = {
    "chatglm/run.py": {
        "--model_name": {"required": True, "choices": ["chatglm2_6b", "chatglm3_6b"]},
        "--max_output_len": {},
        "--log_level": {},
        "--engine_dir": {},
        "--beam_width": {},
        "--input_text": {"nargs": "*"},
        "--input_tokens": {},
        "--tokenizer_dir": {},
        "--temperature": {},
        "--top_k": {},
        "--top_p": {},
        "--random_seed": {},
    },
    "qwen/run.py": {
        "--max_new_tokens": {},
        "--log_level": {},
        "--engine_dir": {},
        "--tokenizer_dir": {},
        "--input_text": {},
        "--input_tokens": {},
        "--output_csv": {},
        "--output_npy": {},
        "--num_beams": {},
    },
}


def program(
    version: str,
    request: GenerateRequest,
    *,
    family: Family | None = None,
    placement: Placement = TWO,
    **settings: Any,
) -> RankProgram:
    return run_program(
        TensorRtLlmSettings(
            name="tensorrt-llm", model="/models/m", family=family, **{"tp": 2, **settings}
        ),
        Version(version),
        placement,
        request,
        python="/usr/bin/python3",
        payload_folder="/ck/payloads",
        engine_folder=ENGINE,
    )


def cases() -> list[tuple[str, Family | None, str]]:
    """Up to 0.6 each family has its own run.py; later, one serves all."""
    return [
        *((version, family, kind) for version in OLD for family in FAMILIES for kind in REQUESTS),
        *((version, None, kind) for version in NEW for kind in REQUESTS),
    ]


def line(version: str, family: Family | None, kind: str) -> str:
    try:
        argv = program(version, REQUESTS[kind], family=family).argv
    except UsageError as error:
        return f"refused: {error}"
    return shlex.join(argv[3:])


def test_the_lines_are_those_on_file() -> None:
    text = "".join(f"{v} {f or 'any'} {k}: {line(v, f, k)}\n" for v, f, k in cases())
    assert text == on_file(GOLDEN, text)


@pytest.mark.parametrize("version", [*OLD, *NEW])
def test_the_vendors_parsers_take_every_line(version: str) -> None:
    taken = 0
    for of_version, family, kind in cases():
        if of_version != version or line(version, family, kind).startswith("refused"):
            continue
        argv = program(version, REQUESTS[kind], family=family).argv
        path = argv[3].removeprefix(f"{EXAMPLES}/")
        if path in READ_0_6:
            parser_of_0_6(path).parse_args(argv[4:])
        else:
            assert judge(Version(version), ("python", *argv[3:]), examples=EXAMPLES)
        taken += 1
    assert taken >= 4


def parser_of_0_6(path: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    for flag, how in READ_0_6[path].items():
        parser.add_argument(flag, **how)
    return parser


def test_the_judges_know_what_is_wrong() -> None:
    line = ("python", f"{EXAMPLES}/run.py", "--input_text", "x")
    for wrong, version in (
        ((), "0.9.0"),  # --max_output_len is required
        (("--max_output_len", "1", "--random_seed", "1"), "0.9.0"),  # from 0.11
        (("--max_output_len", "1", "--log_level", "loud"), "0.16.0"),
        (("--max_output_len", "1", "--streaming", "1"), "0.9.0"),
    ):
        with pytest.raises(Refused):
            judge(Version(version), (*line, *wrong), examples=EXAMPLES)


@pytest.mark.parametrize(
    "prompts", [("-x",), ("--engine_dir",), ("--input_text=a",), ("a", "b c")]
)
def test_argparse_reads_the_prompts_that_were_asked(prompts: tuple[str, ...]) -> None:
    argv = program("0.16.0", GenerateRequest(prompts)).argv
    parser = argparse.ArgumentParser()
    for flag in ("--engine_dir", "--tokenizer_dir", "--max_output_len", "--max_input_length"):
        parser.add_argument(flag)
    parser.add_argument("--input_text", nargs="+")
    parser.add_argument("--top_k", type=int)
    parser.add_argument("--log_level")
    parser.add_argument("--streaming", action="store_true")

    assert tuple(parser.parse_args(argv[4:]).input_text) == prompts


def test_a_dry_run_shows_the_whole_program() -> None:
    made = program("0.9.0", REQUESTS["greedy"], run_flags=("--use_py_session",))

    assert made.argv == (
        *("/usr/bin/python3", "/ck/payloads", "trtllm_run", f"{EXAMPLES}/run.py"),
        *("--engine_dir", ENGINE, "--tokenizer_dir", f"{ENGINE}/tokenizer"),
        *("--input_text", "What is the capital of France?", "--max_output_len", "128"),
        *("--max_input_length", "2048", "--top_k", "1", "--log_level", "error"),
        "--use_py_session",
    )
    assert made.env == {
        "TLLM_LOG_LEVEL": "ERROR",
        "TOKENIZERS_PARALLELISM": "false",
        "CLUSTERKIT_GPUS_PER_NODE_BY": "shim",
    }
    assert json.loads(made.files["input.json"]) == {
        "version": 1,
        "tensorrt_llm": "0.9.0",
        "output": "indexed",
        "prompts": ["What is the capital of France?"],
        "tokenizer": f"{ENGINE}/tokenizer",
        "tokenizer_link": None,
        "greedy_by_config": False,
        "draw_seed": False,
    }


def test_a_fix_that_needs_the_environment_puts_it_there() -> None:
    places = [(node, local) for node in ("node1", "node2") for local in range(4)]
    eight = Placement(tuple(Rank(i, *place, place[1]) for i, place in enumerate(places)))
    made = program("0.12.0", REQUESTS["greedy"], placement=eight, pp=4)

    assert made.env == {
        "TLLM_LOG_LEVEL": "ERROR",
        "TOKENIZERS_PARALLELISM": "false",
        "CLUSTERKIT_GPUS_PER_NODE_BY": "config",
        "FORCE_NCCL_ALL_REDUCE_STRATEGY": "1",
    }


def test_streaming_is_left_to_sessions_that_stream() -> None:
    assert "--streaming" not in program("0.10.0", REQUESTS["greedy"]).argv
    assert "--streaming" in program("0.11.0", REQUESTS["greedy"]).argv
    for flags in (("--use_py_session",), ("--num_beams", "4"), ("--num_beams=4",)):
        assert "--streaming" not in program("0.16.0", REQUESTS["greedy"], run_flags=flags).argv


@pytest.mark.parametrize("version", ["0.11.0", "1.3.0rc20"])
def test_a_seed_is_drawn_where_none_is_given(version: str) -> None:
    made = [json.loads(program(version, REQUESTS[kind]).files["input.json"]) for kind in REQUESTS]

    assert [each["draw_seed"] for each in made] == [False, False, False, True, False]


def test_every_reason_is_told_at_once() -> None:
    request = GenerateRequest(
        ("-a", "b\0", "c" * 131_072), system="Be brief.", logits=3, temperature=0.5, seed=1
    )

    with pytest.raises(UsageError) as caught:
        program("0.6.1", request, family="llama", run_flags=("--output_csv", "f"))

    its = "llama/run.py of TensorRT-LLM 0.6.1"
    assert str(caught.value).splitlines() == [
        f"{its} takes no system prompt. Fix: write it into the prompt",
        f"{its} prints no logits. Fix: leave out `--logits`",
        f"{its} takes one prompt at a time. Fix: one `--prompt`, or 0.7.0 or newer",
        f"{its} has no temperature for this family. Fix: `--temperature 0`, or 0.7.0 or newer",
        f"prompt 1 begins with a dash, which {its} would take for a flag among several prompts. "
        "Fix: ask it alone, or begin it with something else",
        "prompt 2 has a NUL character, which no program takes. Fix: remove it",
        f"prompt 3 has 131072 bytes, and {its} takes it as one word, of 131058 bytes at most. "
        "Fix: a shorter prompt",
        "engine.run_flags: `--output_csv` is set by clusterkit. "
        "Fix: use nothing: answers are read from what is printed",
    ]


@pytest.mark.parametrize(
    ("version", "settings"),
    [("1.3.0rc22", {}), ("1.4.0rc0", {}), ("1.1.0", {"backend": "pytorch"})],
)
def test_what_has_no_engines_has_no_run_py(version: str, settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"clusterkit serve"):
        program(version, REQUESTS["greedy"], **settings)


def test_words_for_run_py_are_checked_against_the_version() -> None:
    with pytest.raises(UsageError) as caught:
        program(
            "0.10.0", REQUESTS["greedy"], run_flags=("--kv_cache_free_gpu_memory_fraktion", "1")
        )
    assert str(caught.value) == (
        "engine.run_flags: `--kv_cache_free_gpu_memory_fraktion` is no flag of run.py in "
        "TensorRT-LLM 0.10.0. Fix: leave it out"
    )

    flags = ("--kv_cache_free_gpu_memory_fraction", "0.5")
    assert program("0.16.0", REQUESTS["greedy"], run_flags=flags).argv[-2:] == flags

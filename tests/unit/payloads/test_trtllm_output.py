"""What run.py printed, version by version, read back. The samples follow its print calls."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clusterkit.payloads.trtllm_output import Output

PYTHON_LOG = '[10/21/2024-12:34:56] [TRT-LLM] [W] a warning with "quotes"'
CPP_LOG = '[TensorRT-LLM][ERROR] an "error"'
BANNER = "[TensorRT-LLM] TensorRT-LLM version: 0.8.0"

# Texts that look like marks, end in quotes, span lines, and are empty.
PIECES = st.sampled_from(
    [
        "Paris",
        " ",
        '"',
        "\n",
        '"\n',
        "\r",
        "</s>",
        "ünï 你好",
        'Output [Text 0 Beam 0]: "',
        'Output [Text 1 Beam 0]: "',
        'Input [Text 0]: "',
        'Input [Text 1]: "',
        'Output: "',
        'Input: "',
        "Finished!",
    ]
)
TEXTS = st.lists(PIECES, max_size=6).map("".join)
PROMPTS = TEXTS.map(lambda text: f"Tell me{text}?")


def read(output: Output, text: str) -> list[tuple[str, str]]:
    """Prompts and answers of what was printed, fed line by line as it comes."""
    for line in text.removesuffix("\n").split("\n"):
        output.feed(line)
    return [(each.prompt_text, each.text) for each in output.answers()]


def indexed(pairs: list[tuple[str, list[str]]], *, sequences: int = 1) -> str:
    lines = []
    for number, (asked, answers) in enumerate(pairs):
        lines.append(f'Input [Text {number}]: "{asked}"\n')
        beams = len(answers) // sequences
        for place, answer in enumerate(answers):
            sequence, beam = divmod(place, beams)
            among = f" Seq {sequence}" if sequences > 1 else ""
            lines.append(f'Output [Text {number}{among} Beam {beam}]: "{answer}"\n')
    return "".join(lines)


@given(PROMPTS, TEXTS)
@example('Say "\nOutput [Text 0 Beam 0]: "x"', '"\nOutput [Text 0 Beam 0]: "no"')
def test_one_prompt_is_read_back_whatever_the_texts_look_like(prompt, answer):
    printed = f"{CPP_LOG}\n{BANNER}{indexed([(f'<s> {prompt}', [answer])])}{PYTHON_LOG}\n"

    assert read(Output("indexed", [prompt]), printed) == [(f"<s> {prompt}", answer)]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.text(st.characters(codec="utf-8"), max_size=40)),
        min_size=1,
        max_size=4,
    )
)
def test_several_prompts_are_read_back(rows):
    prompts = [f"question {number} of {seed}" for number, (seed, _) in enumerate(rows)]
    answers = [answer for _, answer in rows]
    printed = indexed(
        [(prompt, [answer]) for prompt, answer in zip(prompts, answers, strict=True)]
    )

    assert read(Output("indexed", prompts), printed) == list(zip(prompts, answers, strict=True))


def test_an_answer_that_quotes_the_next_prompts_mark_is_one_answer():
    first = 'It prints "\nInput [Text 1]: "nothing"\nand so on'
    printed = indexed([("<s> How?", [first]), ("<s>  What  is it?", ["A mark."])])

    assert read(Output("indexed", ["How?", "What is it?"]), printed) == [
        ("<s> How?", first),
        ("<s>  What  is it?", "A mark."),
    ]


def test_the_first_of_several_sequences_and_beams_is_the_answer():
    printed = indexed([("a", ["1", "2", "3", "4"]), ("b", ["5", "6", "7", "8"])], sequences=2)

    output = Output("indexed", ["a", "b"], beams=2, sequences=2)
    assert read(output, printed) == [("a", "1"), ("b", "5")]


def test_logs_between_within_and_glued_are_no_part_of_an_answer():
    printed = (
        f'{PYTHON_LOG}\n{BANNER}{CPP_LOG}\nInput [Text 0]: "a"{CPP_LOG}\n\n{CPP_LOG}\n'
        f'Output [Text 0 Beam 0]: "one\n{PYTHON_LOG}\ntwo"\n'
        "batch_size: 1, avg latency of 10 iterations: : 0.5 sec\n"
    )
    output = Output("indexed", ["a"])

    assert read(output, printed) == [("a", "one\ntwo")]
    assert output.version == "0.8.0"


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ("[TensorRT-LLM] TensorRT-LLM version: 0.8.0Input [Text 0]", "0.8.0"),
        ("[TensorRT-LLM] TensorRT-LLM version: 0.9.0.dev2024022000", "0.9.0.dev2024022000"),
        ("[TensorRT-LLM] TensorRT LLM version: 1.3.0rc20", "1.3.0rc20"),
        ("TensorRT-LLM version", None),
    ],
)
def test_the_version_is_read_from_the_banner(banner, version):
    output = Output("indexed", ["a"])
    output.feed(banner)

    assert output.version == version


def stream(asked: list[str], answers: list[list[str]]) -> str:
    """Prints that come anew: of each prompt the text so far."""
    return "".join(
        indexed([(text, [so_far]) for text, so_far in zip(asked, step, strict=True)])
        for step in answers
    )


def test_the_last_of_the_prints_that_come_anew_counts():
    output = Output("indexed", ["a\nb", "c"], streams=True)
    printed = stream(["<s>a\nb", "<s>c"], [["x", ""], ["x\ny", "z"], ['x\ny"', 'z\n"w"']])

    assert read(output, f"{BANNER}\nloading\n{printed}") == [
        ("<s>a\nb", 'x\ny"'),
        ("<s>c", 'z\n"w"'),
    ]
    assert [each.text for each in output.latest] == ["x\ny", "z"]
    assert output.end() == indexed([("<s>a\nb", ['x\ny"']), ("<s>c", ['z\n"w"'])]).splitlines()


@given(PROMPTS, st.lists(TEXTS, min_size=1, max_size=5))
def test_a_stream_is_read_back_whatever_the_texts_look_like(prompt, pieces):
    so_far = ["".join(pieces[: end + 1]) for end in range(len(pieces))]
    printed = stream([f"<s>{prompt}"], [[text] for text in so_far])

    output = Output("indexed", [prompt], streams=True)
    assert read(output, printed) == [(f"<s>{prompt}", so_far[-1])]


def test_only_the_log_and_the_last_print_of_a_stream_go_into_the_log():
    output = Output("indexed", ["a"], streams=True)
    printed = f"loading\n{stream(['a'], [['x'], ['xy']])}{PYTHON_LOG}"

    passed_on = [each for line in printed.split("\n") for each in output.feed(line)]
    assert passed_on + output.end() == [
        "loading",
        PYTHON_LOG,
        'Input [Text 0]: "a"',
        'Output [Text 0 Beam 0]: "xy"',
    ]


@given(PROMPTS, TEXTS)
def test_llama_and_gpt_up_to_0_6(prompt, answer):
    printed = f'Running the float16 engine ...\nInput: "{prompt}"\nOutput: "{answer}"\n'

    assert read(Output("quoted", [prompt]), printed) == [(prompt, answer)]


def test_several_beams_up_to_0_6():
    llama = 'Running the float16 engine ...\nInput: "a"\nOutput: "one"\nOutput: "two"\n'
    qwen = 'Input: "a"\nOutput(beam: 0): "one"\nOutput(beam: 1): "two"\n'

    assert read(Output("quoted", ["a"], beams=2), llama) == [("a", "one")]
    assert read(Output("beamed", ["a"], beams=2), qwen) == [("a", "one")]
    assert read(Output("beamed", ["a"]), 'Input: "a"\nOutput: "one"\n') == [("a", "one")]


STARS = "*" * 39


@given(PROMPTS, TEXTS)
def test_chatglm2_of_0_5(prompt, answer):
    printed = (
        f"{PYTHON_LOG}\n{STARS}\nInput --->\n {prompt}\nOutput --->\n {answer}\n{STARS}\n"
        "Finished!\n"
    )

    assert read(Output("starred", [prompt]), printed) == [(prompt, answer)]


def ruled(rows, *, rule: str, finished: str) -> str:
    blocks = []
    for number, (prompt, answers) in enumerate(rows):
        beams = "".join(
            f"\n  Beam {beam:2d} ---> len=9\n{answer}\n" for beam, answer in enumerate(answers)
        )
        head = f"\nInput  {number:2d} ---> len=7\n{prompt}\n\nOutput {number:2d} --->\n"
        blocks.append(f"{rule}{head}{beams}{rule}")
    return "".join(blocks) + finished


@pytest.mark.parametrize("rule", ["", "#" * 80 + "\n"])
@pytest.mark.parametrize("finished", ["Finished!\n", "Finished from worker 0\n"])
@given(PROMPTS, PROMPTS, TEXTS, TEXTS)
def test_chatglm_of_0_6(rule, finished, one, two, first, second):
    one, two = f"1. {one}", f"2. {two}"
    rows = [(one, [first.strip()]), (two, [second.strip()])]  # it prints them stripped
    output = Output("ruled", [one, two])

    assert read(output, ruled(rows, rule=rule, finished=finished)) == [
        (one, first.strip()),
        (two, second.strip()),
    ]
    assert [each.prompt_tokens for each in output.answers()] == [7, 7]


def test_an_answer_of_chatglm_that_looks_like_the_next_prompt_is_one_answer():
    fake = "So:\nInput   1 ---> len=1\nx\n\nOutput  1 --->\n\n  Beam  0 ---> len=1\ny"
    printed = ruled([("a", [fake]), ("b", ["two"])], rule="", finished="Finished!\n")

    assert read(Output("ruled", ["a", "b"]), printed) == [("a", fake), ("b", "two")]


def test_the_first_beam_of_chatglm_is_the_answer():
    printed = ruled([("a", ["one", "two"])], rule="", finished="Finished!\n")

    assert read(Output("ruled", ["a"], beams=2), printed) == [("a", "one")]


def test_a_prompt_that_chatglm_cut_is_told():
    output = Output("ruled", ["a"])
    output.feed("Truncate input_length as 1024")

    assert output.cut_at == 1024


@pytest.mark.parametrize("format_", ["indexed", "quoted", "beamed", "starred", "ruled"])
@pytest.mark.parametrize("printed", ["", "Segmentation fault", 'Input [Text 0]: "a'])
def test_what_was_not_printed_is_no_answer(format_, printed):
    assert read(Output(format_, ["a"]), printed) == []


def test_of_garbage_nothing_is_lost_and_little_is_an_answer():
    output = Output("indexed", ["a", "b"], streams=True)
    noise = random.Random(1)  # noqa: S311 - the same noise every time
    lines = [
        noise.choice(['Input [Text 0]: "', 'Output [Text 0 Beam 0]: "', '"', "x"])
        for _ in range(2000)
    ]

    passed_on = [each for line in lines for each in output.feed(line)]
    assert passed_on + output.end() == lines
    assert [each.prompt for each in output.answers()] == [0]

"""What a chat shows besides the answers."""

from __future__ import annotations

import io

import pytest

from clusterkit.report.chat import cut_text, harmless, stats_blocks, welcome_text
from clusterkit.report.console import Printer
from clusterkit.results.chat import ChatTurn

LONG = ChatTurn(
    prompt="What is the capital of France,\nand what is it known for?",
    text="…",
    prompt_tokens=40,
    completion_tokens=128,
    finish_reason="length",
    first_token_s=0.25,
    token_s=0.05,
)
STOPPED = ChatTurn(prompt="hi", text="Hel", first_token_s=1.5)


def shown(*blocks: object) -> str:
    out = io.StringIO()
    Printer(stdout=out, stderr=io.StringIO(), width=100).show(*blocks)
    return out.getvalue()


def test_stats_have_a_line_for_each_answer():
    assert shown(*stats_blocks([LONG, STOPPED])) == (
        "question                                  prompt tokens  tokens  tokens/s  first token"
        "  end\n"
        "What is the capital of France, and what…             40     128      20.0       0.25 s"
        "  length\n"
        "hi                                                    -       -         -        1.5 s"
        "  stopped\n"
    )


def test_only_the_last_answers_count():
    assert shown(*stats_blocks([LONG] * 3 + [STOPPED] * 10)).count("length") == 0
    assert stats_blocks([]) == ["no answer yet"]


@pytest.mark.parametrize(("turn", "said"), [(STOPPED, None), (LONG, 128)])
def test_an_answer_that_was_cut_off_says_so(turn: ChatTurn, said: int | None):
    text = cut_text(turn)
    expected = f"(cut off after {said} tokens: as long as an answer may be)" if said else None
    assert (text and text.plain) == expected


def test_the_first_lines_say_how_to_begin_and_end():
    assert welcome_text("http://127.0.0.1:8000", "serve-1", "parrot").plain == (
        "parrot at http://127.0.0.1:8000, job serve-1\n"
        "Enter sends; Alt-Enter, or \\ at the end of a line, begins another line\n"
        "/help shows the commands, Ctrl-D leaves"
    )


def test_a_model_gives_the_terminal_no_orders():
    said = "a\tb\n\x1b]0;owned\x07\x9b2Jc\r\x00é\x7f"
    assert harmless(said) == "a\tb\n]0;owned2Jcé"

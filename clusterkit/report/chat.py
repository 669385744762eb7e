"""``chat`` as it is read: who answers, what the commands are, and how fast it was."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rich.text import Text

from clusterkit.quantities import duration
from clusterkit.report.tables import FAINT, Block, Blocks, grid, table
from clusterkit.results.chat import ChatResult, ChatTurn

_SHOWN = 10
_QUOTED = 40
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal would take for an order; tabs and ends of lines are none."""


def chat_text(result: ChatResult, *, wide: bool = False) -> Blocks:
    """The answers, one after another."""
    del wide
    return [turn.text for turn in result.turns]


def welcome_text(url: str, job: str | None, model: str) -> Text:
    """Who answers, and all that one must know to begin."""
    who = f"{model} at {url}" + (f", job {job}" if job else "")
    keys = "Enter sends; Alt-Enter, or \\ at the end of a line, begins another line"
    return Text(f"{who}\n{keys}\n/help shows the commands, Ctrl-D leaves", FAINT)


def help_blocks(commands: Mapping[str, str]) -> list[Block]:
    """What can be typed besides questions."""
    rows = grid("left", "left", indent=4)
    keys = {
        "Alt-Enter": "another line; so does a \\ at the end of a line",
        "Ctrl-C": "stop the answer; what came of it stays in the conversation",
        "Ctrl-D": "leave",
        "//text": "say a text that begins with a slash",
        "--max-tokens": "as `chat` begins: how long an answer may be; 1024, if it is not given",
    }
    for typed, means in {**commands, **keys}.items():
        rows.add_row("", typed, means)
    return [rows]


def stats_blocks(turns: Sequence[ChatTurn]) -> list[Block]:
    """The last answers: how long they are, and how fast they came."""
    if not turns:
        return ["no answer yet"]
    right = ("prompt tokens", "tokens", "tokens/s", "first token")
    rows = table("question", *right, "end", right=right)
    for turn in turns[-_SHOWN:]:
        rows.add_row(
            _quoted(turn.prompt),
            _count(turn.prompt_tokens),
            _count(turn.completion_tokens),
            "-" if not turn.token_s else f"{1 / turn.token_s:.1f}",
            "-" if turn.first_token_s is None else duration(turn.first_token_s),
            turn.finish_reason or "stopped",
        )
    return [rows]


def cut_text(turn: ChatTurn) -> Text | None:
    """That an answer was cut off, where it was."""
    if turn.finish_reason != "length":
        return None
    tokens = "" if turn.completion_tokens is None else f" after {turn.completion_tokens} tokens"
    return Text(f"(cut off{tokens}: as long as an answer may be)", FAINT)


def harmless(text: str) -> str:
    """``text`` without what a terminal would obey: a model may say anything."""
    return _CONTROL.sub("", text)


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED else f"{line[: _QUOTED - 1]}…"


def _count(tokens: int | None) -> str:
    return "-" if tokens is None else str(tokens)

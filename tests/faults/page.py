"""The tables of docs/reliability.md, each between its markers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.faults.case import Case, Outcome

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
_HEAD = "| fault | verb | must name | after | bound | exit | left | second try | when | result |"

Rows = dict[str, str]
"""The lines of a table by what they are about: its first two cells."""


def table(rows: Sequence[str]) -> str:
    """One line for each case."""
    return "\n".join([_HEAD, "|" + "---|" * _HEAD.count("| "), *rows])


def key_of(case: Case) -> str:
    """What the line of a case begins with."""
    return f"| {case.fault} | `{case.verb}` |"


def kept_rows(command: str, page: Path = PAGE) -> Rows:
    """What was measured before."""
    text = page.read_text().partition(_marker(command, "begin"))[2]
    lines = text.partition(_marker(command, "end"))[0].splitlines()
    return {"|".join(line.split("|")[:3]) + "|": line for line in lines if line.count("|") > 5}


def write(text: str, command: str, page: Path = PAGE) -> None:
    """Put ``text`` between the markers of ``command``; the rest of the page is written by hand."""
    first, last = (_marker(command, word) for word in ("begin", "end"))
    before, begin, rest = page.read_text().partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise SystemExit(f"{page}: no markers. Fix: put back the lines {first} and {last}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def _marker(command: str, word: str) -> str:
    return f"<!-- written by `{command}`: {word} -->"


def line_of(outcome: Outcome) -> str:
    """What came of a case."""
    case = outcome.case
    cells = (
        case.fault,
        f"`{case.verb}`",
        _code(case.names) if case.names else "-",
        "-" if outcome.took_s is None else f"{outcome.took_s:.1f} s",
        f"{case.within_s:g} s",
        "none" if outcome.code is None else str(outcome.code),
        str(len(outcome.left)),
        outcome.second,
        outcome.when,
        "ok" if not outcome.wrong else f"FAIL: {_short(outcome.wrong)}",
    )
    return "| " + " | ".join(cells) + " |"


def _code(pattern: str) -> str:
    """A pattern as it can stand in a cell."""
    return f"`{pattern.replace('`', '.').replace('|', chr(92) + '|')}`"


def _short(wrong: Sequence[str]) -> str:
    text = "; ".join(" ".join(each.split()) for each in wrong).replace("|", "\\|")
    return text if len(text) <= 160 else f"{text[:157]}…"

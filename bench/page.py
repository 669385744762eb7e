"""The table of ratios, on the terminal and in docs/benchmarks.md."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.race import Row

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_HEAD = "| what | ours | peer | peer's | result | target | met | runs |"


def table(rows: Sequence[Row]) -> str:
    """One line for each comparison."""
    return "\n".join([_HEAD, "|" + "---|" * _HEAD.count("| "), *map(_line, rows)])


def measured_on(machine: Sequence[tuple[str, str]]) -> str:
    """The machine and the versions, in one line."""
    return "Measured on: " + " · ".join(f"{name} {value}" for name, value in machine) + "."


def write(text: str, command: str) -> None:
    """Put ``text`` between the markers of ``command``; the rest of the page is written by hand."""
    first, last = (f"<!-- written by `{command}`: {word} -->" for word in ("begin", "end"))
    before, begin, rest = PAGE.read_text().partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise SystemExit(f"{PAGE}: no markers. Fix: put back the lines {first} and {last}")
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def _line(row: Row) -> str:
    met = {True: "yes", False: "no", None: ""}[row.is_met]
    limit = row.target.limit
    cells = (
        row.what,
        _spread(row.ours, row.unit),
        f"`{row.peer}`",
        _spread(row.theirs, row.unit) if row.theirs else "not installed",
        "" if row.result is None else row.target.shown(row.result),
        "" if limit is None else f"≤ {row.target.shown(limit)}",
        met,
        str(len(row.ours)),
    )
    return "| " + " | ".join(cells) + " |"


def _spread(values: Sequence[float], unit: str) -> str:
    """The median, and between what the middle half lies."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    digits = 3 if unit == "s" else 1
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f} to {high:.{digits}f})"

"""``doctor``: a row for everything that was looked at, then what to do."""

from __future__ import annotations

from collections import Counter

from rich.table import Table
from rich.text import Text

from clusterkit.quantities import duration
from clusterkit.report.folding import fold
from clusterkit.report.tables import BAD, FAINT, GOOD, NOTHING, Block, Blocks, cell, grid, table
from clusterkit.results.doctor import DoctorLine, DoctorResult

_WORDS = {"pass": "pass", "warn": "warn", "fail": "FAIL", "skip": "skip"}
_STYLES = {"pass": GOOD, "warn": "yellow", "fail": BAD, "skip": FAINT}


def doctor_text(result: DoctorResult, *, wide: bool = False) -> Blocks:
    """The table, the fixes with their numbers, and the verdict.

    What was skipped stands below the rest, once for each reason; ``wide`` has a row for every line
    in the order of the checks, with their names.
    """
    to_mend = [line for line in result.lines if line.fix and line.state in ("warn", "fail")]
    rows = _rows(result, to_mend, wide=wide)
    blocks: list[Block] = [rows, ""]
    for number, line in enumerate(to_mend, 1):
        blocks += _fix(number, line)
    return [*blocks, *([""] if to_mend else []), _verdict(result)]


def _rows(result: DoctorResult, to_mend: list[DoctorLine], *, wide: bool) -> Table:
    columns = ["", "LOOKED AT", "NODES", "SEEN", "FIX"]
    if wide:
        columns.insert(1, "CHECK")
    rows = table(*columns, right=["FIX"], whole=["", "CHECK"])
    skipped = [] if wide else [line for line in result.lines if line.state == "skip"]
    for line in result.lines:
        if line in skipped:
            continue
        number = f"({to_mend.index(line) + 1})" if line in to_mend else ""
        rows.add_row(
            Text(_WORDS[line.state], _STYLES[line.state]),
            *([line.check] if wide else []),
            line.looks_at,
            cell(fold(line.nodes) if line.nodes else None),
            line.seen,
            number,
        )
    for why in dict.fromkeys(line.seen for line in skipped):
        what = ", ".join(line.looks_at for line in skipped if line.seen == why)
        rows.add_row(Text("skip", FAINT), what, NOTHING, why, "")
    return rows


def _fix(number: int, line: DoctorLine) -> list[Block]:
    """Words beside the number; lines to be run below it, each whole so that it can be copied."""
    where = fold(line.nodes) if line.nodes else "here"
    fix = line.fix or ""
    if "\n" not in fix:
        row = grid("left", "left")
        row.add_row(f"({number})", f"{where}: {fix}")
        return [row]
    return [f"({number})  {where}: run there", *(f"     {each}" for each in fix.splitlines())]


def _verdict(result: DoctorResult) -> Text:
    counts = Counter(line.state for line in result.lines)
    said = ", ".join(f"{counts[state]} {state}" for state in ("fail", "warn", "pass", "skip"))
    text = Text.assemble(
        f"{result.cluster}: ",
        ("fit", GOOD) if result.ok else ("not fit", BAD),
        f" · {said} · {duration(result.took_s)}",
    )
    if result.gated and not result.ok:
        text.append("\nThe gate is closed: `build` and `infer` refuse without `--force`.")
    return text

"""An error as one block: where, what, and on a line of its own how to fix it."""

from __future__ import annotations

from rich.text import Text

from clusterkit.errors import (
    ClusterkitError,
    FileMistakes,
    NodesFailed,
    reason,
    what_and_fix,
)
from clusterkit.quantities import counted
from clusterkit.report.folding import FOLD_ABOVE, fold
from clusterkit.report.tables import BAD

_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
_SHOWN = _PICTURES | {127: 0x2421} | dict.fromkeys(range(128, 160), 0xFFFD)
"""Control codes as Unicode pictures them: ESC is one sign, and moves no cursor."""


def error_text(error: ClusterkitError) -> Text:
    """The whole message; every failing node and every mistake has a line.

    A message may quote what a program wrote: its control codes are shown, and do nothing.
    """
    text = _text(error)
    text.plain = text.plain.translate(_SHOWN)
    return text


def _text(error: ClusterkitError) -> Text:
    match error:
        case FileMistakes():
            return _mistakes(error)
        case NodesFailed():
            return _nodes(error)
    what, fix = what_and_fix(str(error))
    return _block(what, [], fix)


def _mistakes(error: FileMistakes) -> Text:
    """The lines stay whole, so that editors and people find ``file:line:`` in them."""
    text = Text.assemble(("Error: ", BAD), counted(len(error.problems), "mistake"))
    for problem in error.problems:
        what, fix = what_and_fix(problem)
        text.append(f"\n  {what}")
        if fix:
            text.append(" Fix: ", "bold").append(fix)
    return text


def _nodes(error: NodesFailed) -> Text:
    alike: dict[tuple[str, str], list[str]] = {}
    for node, failure in error.failures.items():
        alike.setdefault(what_and_fix(reason(node, failure)), []).append(node)
    rows: list[tuple[str, str, str]] = []
    for (what, fix), names in alike.items():
        few = len(error.failures) <= FOLD_ABOVE
        rows += [(name, what, fix) for name in (names if few else [fold(names)])]
    fixes = {fix for _, _, fix in rows}
    shared = fixes.pop() if len(fixes) == 1 else ""
    lines = []
    for name, what, fix in rows:
        lines.append(f"{name}: {what}")
        lines += [f"  Fix: {fix}"] if fix and not shared else []
    some = ", others succeeded" if error.exit_code == 3 else ""
    return _block(f"{counted(len(error.failures), 'node')} failed{some}", lines, shared)


def _block(what: str, lines: list[str], fix: str) -> Text:
    text = Text.assemble(("Error: ", BAD), what.replace("\n", "\n  "))
    for line in lines:
        text.append("\n  " + line.replace("\n", "\n    "))
    if fix:
        text.append("\nFix: ", "bold").append(fix, "bold")
    return text

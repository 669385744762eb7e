"""How tables look everywhere: no boxes, a bold head, columns two spaces apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text


class Pieces:
    """Lines that may be more than memory holds: made anew, piece by piece, each time."""

    def __init__(self, pieces: Callable[[], Iterable[str]]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[str]:
        """The text in order; the last line ends as all others do."""
        last = "\n"
        for piece in self._pieces():
            yield piece
            last = piece or last
        if not last.endswith("\n"):
            yield "\n"


Block = str | Pieces | Text | Table
"""Lines, left whole so that they can be copied, or something that is laid out to the width."""
Blocks = Sequence[Block]

SIGN_STYLES = {"+": "green", "~": "yellow", "-": "red", "=": "dim", "?": "dim"}
GOOD, BAD, FAINT = "green", "bold red", "dim"
NOTHING = "-"
"""Stands in a cell whose value is not known or not there."""
_FOLDS_TO = 12
_BETWEEN = 2


def table(*columns: str, right: Sequence[str] = (), whole: Sequence[str] = ()) -> Table:
    """An empty table. ``right`` align right; ``whole`` never fold, all others may."""
    made = Table(box=None, pad_edge=False, padding=(0, _BETWEEN, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="fold",
            no_wrap=column in whole or column in right,
        )
    return made


def grid(*justify: Literal["left", "right"], indent: int = 0) -> Table:
    """Columns without a head; the last one folds with a hanging indent."""
    made = Table.grid(padding=(0, _BETWEEN, 0, 0))
    if indent:
        made.add_column(width=indent - _BETWEEN, no_wrap=True)
    for position, side in enumerate(justify):
        last = position == len(justify) - 1
        made.add_column(justify=side, no_wrap=not last, overflow="fold")
    return made


def signed(sign: str, summary: str) -> Text:
    """A line such as ``+ create container``."""
    return Text.assemble((sign, SIGN_STYLES.get(sign, "")), " ", summary)


def cell(value: object) -> str:
    """A value in a table; what is not there is a dash."""
    return NOTHING if value is None or value == "" else str(value)


def least_width(block: Table) -> int:
    """The width below which values would be cut, or folded into what nobody can read."""
    least = -_BETWEEN
    for column in block.columns:
        widest = max(cell_len(str(value)) for value in (column.header, *column.cells))
        column.min_width = widest if column.no_wrap else min(widest, _FOLDS_TO)
        least += column.min_width + _BETWEEN
    return least

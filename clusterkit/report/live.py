"""Progress on a terminal: one row a node, redrawn in place."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from rich.live import Live
from rich.table import Table
from rich.text import Text

from clusterkit.events import Event, Note
from clusterkit.quantities import duration
from clusterkit.report.board import Board, Row
from clusterkit.report.notes import note_text
from clusterkit.report.tables import BAD, FAINT, GOOD, SIGN_STYLES, signed, table

if TYPE_CHECKING:
    from clusterkit.report.console import Printer

_REDRAWS_PER_S = 8
_NODES_WIDTH = 24


class View(AbstractContextManager["View"], Protocol):
    """Shows events from its start to its end; any thread may call it."""

    def __call__(self, event: Event) -> None:
        """Take one event."""
        ...


class LiveView:
    """A table on stderr; it stays, as it was last, if anything was changed or failed."""

    def __init__(self, printer: Printer, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._board = Board()
        # Guards the board alone. Nothing is printed under it: the thread that redraws holds the
        # console's lock when it asks for the table.
        self._lock = Lock()
        self._printer = printer
        self._live = Live(
            get_renderable=self._table,
            console=printer.err,
            refresh_per_second=_REDRAWS_PER_S,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A look that found nothing to do leaves no table: the result says all.
        self._live.transient = error is None and not self._board.is_eventful
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take one event; a note is written above the table and stays there."""
        if isinstance(event, Note):
            self._printer.message(note_text(event))
            return
        with self._lock:
            self._board.take(event, self._clock())

    def _table(self) -> Table | Text:
        with self._lock:
            rows = self._board.rows(self._clock())
        return progress_table(rows) if rows else Text("")


def progress_table(rows: Sequence[Row]) -> Table:
    """The rows with a mark each: ``ok`` or ``FAILED``, and nothing while a node is busy."""
    made = table(
        "NODE",
        "STAGE",
        "NOW",
        "",
        "CHANGES",
        "TIME",
        right=["CHANGES", "TIME"],
        whole=["STAGE", ""],
    )
    made.columns[0].max_width = _NODES_WIDTH
    made.columns[2].ratio = 1
    made.expand = True
    for row in rows:
        mark = {"busy": Text(""), "done": Text("ok", GOOD), "failed": Text("FAILED", BAD)}
        took = Text(duration(row.took_s), FAINT)
        made.add_row(_node(row), row.stage, _now(row), mark[row.state], _count(row), took)
    return made


def _node(row: Row) -> Text:
    return Text(row.node) if row.state == "failed" else _on_one_line(Text(row.node))


def _now(row: Row) -> Text:
    if row.state == "failed":
        return Text(row.now)
    signs = row.now[:2] in {f"{sign} " for sign in SIGN_STYLES}
    return _on_one_line(signed(row.now[0], row.now[2:]) if signs else Text(row.now, FAINT))


def _on_one_line(text: Text) -> Text:
    """Cut, so that rows do not jump while they change; only a failure is shown in full."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _count(row: Row) -> str:
    return str(row.changes) if row.changes else ""

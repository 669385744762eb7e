"""Progress where no terminal is: a line for each step that ended, and nothing is redrawn."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Self

from clusterkit.events import Event, NodeLost, Note, Progress, StageStarted, StepEnded
from clusterkit.quantities import duration
from clusterkit.report.board import progress_text
from clusterkit.report.notes import lost_text, note_text

if TYPE_CHECKING:
    from clusterkit.report.console import Printer

_PROGRESS_EVERY_S = 10
_STAGE_WIDTH = len("machines")


class LinesView:
    """Plain lines on stderr: node, stage, what was done, how long it took."""

    def __init__(self, printer: Printer, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._printer = printer
        self._clock = clock
        self._lock = Lock()
        self._node_width = 0
        self._progress_at: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to end: every line is already written."""

    def __call__(self, event: Event) -> None:
        """Write the line of one event, if it has one."""
        with self._lock:
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case StageStarted(_, nodes):
                self._node_width = max([self._node_width, *map(len, nodes)])
            case StepEnded(step, took_s, None):
                what = f"{step.sign} {step.summary} … {duration(took_s)}"
                self._line(step.node, step.stage, what)
            case StepEnded(step, _, error):
                self._line(step.node, step.stage, f"{step.sign} {step.summary} … FAILED: {error}")
            case Progress(node):
                if self._is_due(node):
                    self._line(node, "", progress_text(event))
            case NodeLost(node):
                self._line(node, "", lost_text(event))
            case Note():
                self._printer.message(note_text(event))
            case _:
                pass

    def _line(self, node: str, stage: str, what: str) -> None:
        self._node_width = max(self._node_width, len(node))
        self._printer.message(f"{node:<{self._node_width}}  {stage:<{_STAGE_WIDTH}}  {what}")

    def _is_due(self, node: str) -> bool:
        """Whether the node's last line of progress is old enough for the next."""
        now_s = self._clock()
        last_s = self._progress_at.setdefault(node, now_s)
        if now_s - last_s < _PROGRESS_EVERY_S:
            return False
        self._progress_at[node] = now_s
        return True

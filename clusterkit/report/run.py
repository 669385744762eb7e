"""``run``: what ranks write, as it comes, and one line in the end."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from rich.text import Text

from clusterkit.events import Event, JobRestarted, NodeLost, Note, RankOutput
from clusterkit.quantities import counted, duration
from clusterkit.report.folding import fold
from clusterkit.report.jobs import log_line
from clusterkit.report.notes import lost_text, note_text, restarted_text
from clusterkit.report.tables import FAINT, Block, Blocks
from clusterkit.results.jobs import LogLine
from clusterkit.results.run import RunRank, RunResult

if TYPE_CHECKING:
    from clusterkit.report.console import Printer


class RunView:
    """Passes on what ranks write: stdout to stdout, stderr to stderr, unless the output is JSON.

    Lines lead with their rank, as in ``logs``, where there are several.
    """

    def __init__(self, printer: Printer, ranks: int) -> None:
        self._printer, self._leads = printer, ranks > 1
        self._streams = printer.output != "json"
        self._lock = Lock()

    def __call__(self, event: Event) -> None:
        """Take one event, from any thread."""
        with self._lock:
            match event:
                case RankOutput(rank, stream, text) if self._streams:
                    line = LogLine(rank=rank, stream=stream, text=text)
                    show = self._printer.show if stream == "stdout" else self._printer.message
                    show(log_line(line) if self._leads else text)
                case Note():
                    self._printer.message(note_text(event))
                case JobRestarted():
                    self._printer.message(restarted_text(event))
                case NodeLost(node):
                    self._printer.message(f"{node}: {lost_text(event)}")
                case _:
                    pass

    def summary(self, result: RunResult) -> None:
        """Write how it went to stderr, in one line."""
        self._printer.message(summary_text(result))


def summary_text(result: RunResult) -> Text:
    """Job, ranks, nodes and time."""
    ranks = counted(len(result.ranks), "rank")
    where = fold(dict.fromkeys(rank.node for rank in result.ranks))
    parts = [result.job, f"{ranks} on {where}", result.launcher, duration(result.took_s)]
    return Text(" · ".join(parts), FAINT)


def run_text(result: RunResult, *, wide: bool = False) -> Blocks:
    """What each rank wrote to stdout, rank by rank."""
    leads = wide or len(result.ranks) > 1
    blocks: list[Block] = []
    for rank in result.ranks:
        blocks += _lines(rank, leads=leads)
    return blocks


def _lines(rank: RunRank, *, leads: bool) -> list[str]:
    lines = rank.stdout.text().splitlines()
    if not leads:
        return lines
    return [log_line(LogLine(rank=rank.rank, stream="stdout", text=line)) for line in lines]

"""Where text goes: results to stdout, progress and messages to stderr."""

from __future__ import annotations

import io
import os
import sys
import traceback
from typing import IO, TYPE_CHECKING, Literal, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clusterkit.report.json_text import as_json
from clusterkit.report.tables import Pieces, least_width
from clusterkit.report.views import view

if TYPE_CHECKING:
    from clusterkit.engines.answers import Parse
    from clusterkit.errors import ClusterkitError
    from clusterkit.model.base import Model
    from clusterkit.report.live import View
    from clusterkit.report.stream import InferView
    from clusterkit.report.tables import Block
    from clusterkit.results.jobs import DetachedResult

Output = Literal["text", "wide", "json"]
_UNLIMITED = 100_000
"""The width where no person looks: what a program reads has one line for one row."""


class Printer:
    """The two streams of one verb, and the form in which its result is shown.

    NO_COLOR takes the colours away, TERM=dumb all control sequences. ``width`` None: that of
    the terminal; into files and pipes rows are as long as they are.
    """

    def __init__(
        self,
        output: Output = "text",
        *,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        width: int | None = None,
    ) -> None:
        self.output = output
        self.out = _console(stdout or sys.stdout, width)
        self.err = _console(stderr or sys.stderr, width)

    def result(self, result: Model) -> None:
        """Show what a verb answers."""
        if self.output == "json":
            self.show(as_json(result))
        else:
            self.show(*view(result, wide=self.output == "wide"))

    def detached(self, result: DetachedResult) -> None:
        """Show what goes on without us, and how to come back to it."""
        self.result(result)
        if self.output != "json":
            from clusterkit.report.job_shown import detached_help

            self.message(detached_help(result))

    def show(self, *blocks: Block) -> None:
        """Write text and tables to stdout."""
        for block in blocks:
            _write(self.out, block)
        self.out.file.flush()

    def message(self, *blocks: Block) -> None:
        """Write text and tables to stderr; above a live view, where there is one.

        Where nobody reads stderr any more (`up 2>&1 | head`), the verb goes on in silence.
        """
        try:
            for block in blocks:
                if is_lively(self.err):
                    self.err.print(block, soft_wrap=not isinstance(block, Table))
                else:
                    _write(self.err, block)
            self.err.file.flush()
        except OSError:
            silence(self.err.file)

    def error(self, error: ClusterkitError, *, debug: bool = False) -> None:
        """Say what went wrong; ``debug`` adds the traceback."""
        from clusterkit.report.errors import error_text

        if debug:
            self.message("".join(traceback.format_exception(error)).rstrip())
        self.message(error_text(error))

    def progress(self) -> View:
        """The view of ``up``, ``down`` and builds: a context manager that is also a sink."""
        from clusterkit.report.lines import LinesView
        from clusterkit.report.live import LiveView

        return LiveView(self) if is_lively(self.err) else LinesView(self)

    def infer(self, prompts: tuple[str, ...], parse: Parse) -> InferView:
        """The view of ``infer``: a context manager that is also a sink.

        ``parse`` is the engine's: it reads what ranks tell.
        """
        from clusterkit.report.stream import InferView

        return InferView(self, prompts, parse)


def silence(stream: IO[str]) -> None:
    """Send nowhere what is still to be written, and what Python writes when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def is_lively(console: Console) -> bool:
    """Whether a person watches, on a terminal that can be redrawn."""
    # Asks the stream: FORCE_COLOR makes rich take a pipe for a terminal.
    return console.file.isatty() and not console.is_dumb_terminal


def _console(stream: IO[str], width: int | None) -> Console:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # a locale without UTF-8 ends no verb
    if width is None and not stream.isatty():
        width = _UNLIMITED
    return Console(
        file=stream, width=width, markup=False, emoji=False, highlight=False, soft_wrap=False
    )


def _write(console: Console, block: Block) -> None:
    """Write one block; what is already text is neither wrapped nor read for styles."""
    if isinstance(block, str):
        console.file.write(block + "\n")
        return
    if isinstance(block, Pieces):
        console.file.writelines(block)
        return
    if isinstance(block, Table) and least_width(block) > console.width:
        console = _console(console.file, _UNLIMITED)  # the terminal breaks lines: none is lost
    with console.capture() as captured:
        console.print(block, soft_wrap=isinstance(block, Text))
    lines = captured.get().splitlines()
    console.file.write("".join(line.rstrip(" ") + "\n" for line in lines))

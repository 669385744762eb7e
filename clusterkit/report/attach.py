"""``attach``: each job as its own verb shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clusterkit.report.infer import summary_text as infer_summary
from clusterkit.report.run import RunView
from clusterkit.report.run import summary_text as run_summary
from clusterkit.results.infer import InferResult
from clusterkit.results.jobs import JobShown
from clusterkit.results.run import RunResult

if TYPE_CHECKING:
    from clusterkit.engines.answers import Parse
    from clusterkit.events import Sink
    from clusterkit.report.console import Printer
    from clusterkit.results.serve import ServeResult


class AttachView:
    """Streams what is heard, and shows the result in the form that was asked for."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer

    @contextmanager
    def infer(self, prompts: tuple[str, ...], parse: Parse) -> Iterator[Sink]:
        """The answers, token by token."""
        with self._printer.infer(prompts, parse) as view:
            yield view

    def output(self, ranks: int) -> Sink:
        """What ranks write."""
        return RunView(self._printer, ranks)

    def ready(self, result: ServeResult) -> None:
        """A server answers."""
        from clusterkit.report.serve import serve_help

        self._printer.result(result)
        if self._printer.output != "json":
            self._printer.message(serve_help(result))

    def result(self, result: InferResult | RunResult | JobShown) -> None:
        """The result as JSON; for people what was streamed has it, and one line sums it up."""
        if self._printer.output == "json":
            self._printer.result(result)
        elif isinstance(result, InferResult):
            self._printer.message(infer_summary(result))
        elif isinstance(result, RunResult):
            self._printer.message(run_summary(result))
        else:
            self._printer.message(f"Job {result.id}: {result.message}.")

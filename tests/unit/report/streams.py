"""What a verb writes to its two streams, where no terminal is; 80 columns."""

from __future__ import annotations

import io
from textwrap import dedent

from clusterkit.report.console import Output, Printer


class Streams:
    def __init__(self, output: Output = "text", width: int | None = 80) -> None:
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        self.printer = Printer(output, stdout=self.stdout, stderr=self.stderr, width=width)

    @property
    def out(self) -> str:
        return self.stdout.getvalue()

    @property
    def err(self) -> str:
        return self.stderr.getvalue()


def shown(result, output: Output = "text", width: int | None = 80) -> str:
    streams = Streams(output, width)
    streams.printer.result(result)
    assert streams.err == ""
    return streams.out


def text(block: str) -> str:
    return dedent(block).removeprefix("\n")

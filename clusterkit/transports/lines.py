"""Bytes as they come -> text."""

from __future__ import annotations

import codecs
from collections.abc import Callable

from clusterkit.events import Stream
from clusterkit.transports.base import OnBytes, OnOutput

__all__ = ["Collected", "Lines", "OnBytes"]


class Lines:
    """Cuts both streams of one program into decoded lines; the last may have no newline.

    Each stream may be fed by a thread of its own.
    """

    def __init__(self, on_output: OnOutput) -> None:
        self._streams: dict[Stream, _OneStream] = {
            "stdout": _OneStream(lambda line: on_output("stdout", line)),
            "stderr": _OneStream(lambda line: on_output("stderr", line)),
        }

    def take(self, stream: Stream, data: bytes) -> None:
        """Take the next bytes of ``stream``; none: it ended."""
        self._streams[stream].take(data)


class _OneStream:
    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun: list[str] = []  # pieces of the line that has no newline yet

    def take(self, data: bytes) -> None:
        first, *more = self._decoder.decode(data, final=not data).split("\n")
        self._begun.append(first)
        for line in more:
            self._on_line("".join(self._begun))
            self._begun = [line]
        if not data and any(self._begun):
            self._on_line("".join(self._begun))
            self._begun = []


class Collected:
    """Keeps both streams whole."""

    def __init__(self) -> None:
        self._pieces: dict[Stream, list[bytes]] = {"stdout": [], "stderr": []}

    def take(self, stream: Stream, data: bytes) -> None:
        """Keep the next bytes of ``stream``."""
        self._pieces[stream].append(data)

    def text(self, stream: Stream) -> str:
        """All of ``stream``."""
        return b"".join(self._pieces[stream]).decode("utf-8", "replace")

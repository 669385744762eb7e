"""How a program elsewhere tells its process id: in the first line of its output."""

from __future__ import annotations

import threading
import time

from clusterkit.events import Stream
from clusterkit.transports.lines import OnBytes

_TIMEOUT_S = 10.0


class PidLine:
    """Finds the line in which a program tells its process id, and passes on what follows it.

    What comes before is the shell's own (a ``~/.bashrc`` that prints) and is dropped, unless the
    line never comes: then it is all there is.
    """

    def __init__(self, take: OnBytes) -> None:
        self._take = take
        self._head = b""
        self._found = threading.Event()
        self._began = time.monotonic()
        self.pid: int | None = None

    def take(self, stream: Stream, data: bytes) -> None:
        """Take the next bytes of ``stream``; none: it ended."""
        if stream == "stdout" and not self._found.is_set():
            data = self._look(data)
            if not data and not self._found.is_set():
                return
            if not data and self.pid is not None:
                return  # the line came, and nothing yet behind it
        self._take(stream, data)

    def wait(self) -> int | None:
        """The process id; None where the program ended, or told none, in time from its start."""
        self._found.wait(max(0.0, self._began + _TIMEOUT_S - time.monotonic()))
        return self.pid

    def end(self) -> None:
        """No more will come, so nobody needs to wait for the line."""
        self._found.set()

    def _look(self, data: bytes) -> bytes:
        self._head += data
        *lines, rest = self._head.split(b"\n")
        for number, line in enumerate(lines):
            word, _, pid = line.partition(b" ")
            if word == b"clusterkit" and pid.isdigit():
                self.pid = int(pid)
                self._found.set()
                return b"\n".join([*lines[number + 1 :], rest])
        if data:
            return b""
        self._found.set()
        head, self._head = self._head, b""
        if head:
            self._take("stdout", head)
        return b""

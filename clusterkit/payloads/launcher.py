"""mpirun, as a child of the supervisor."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from clusterkit.payloads.job_protocol import LineSplitter, Message
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.processes import signal_group, spawn


class Launcher:
    """The process that starts the ranks. ``code`` is None while it runs."""

    def __init__(
        self,
        loop: Loop,
        launch: Message,
        env: dict[str, str],
        on_lines: Callable[[list[str]], None],
    ) -> None:
        self._loop, self._on_lines = loop, on_lines
        self._splitter = LineSplitter(1 << 16)
        self.code: int | None = None
        everything = {**env, **launch["env"]}
        self._fd, writer = os.pipe()
        # It starts every rank where it stands, so it stands where every node has a folder.
        self.pid = spawn(
            launch["argv"], env=everything, cwd="/", fds={1: writer, 2: writer}, session=True
        )
        os.close(writer)
        os.set_blocking(self._fd, False)
        loop.on_readable(self._fd, self._follow)

    def kill(self) -> None:
        """End it at once; the ranks below it die with it."""
        if self.code is None:
            signal_group(self.pid, signal.SIGKILL)

    def ended(self, code: int) -> None:
        """It was reaped: take its last words."""
        self.code = code
        while self._read():
            pass

    def _follow(self) -> None:
        self._read()

    def _read(self) -> bool:
        try:
            data = os.read(self._fd, 1 << 16)
        except (BlockingIOError, OSError):
            return False
        lines = self._splitter.feed(data) if data else self._splitter.end()
        if lines:
            self._on_lines([line.decode(errors="replace") for line in lines])
        if not data:
            self._loop.forget(self._fd)
            os.close(self._fd)
            self._fd = -1
        return bool(data)

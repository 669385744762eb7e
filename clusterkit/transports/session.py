"""One program on a node, as each kind of transport sees it: streams of bytes and an exit code."""

from __future__ import annotations

import contextlib
import threading
from typing import Protocol

from clusterkit.errors import TransportError
from clusterkit.transports.lines import OnBytes


class Session(Protocol):
    """What a transport must know to do about one program that it started."""

    def write(self, data: bytes) -> None:
        """Write to stdin; OSError where the program reads no more."""
        ...

    def close_stdin(self) -> None:
        """Let stdin reach its end."""
        ...

    def signal(self, name: str) -> None:
        """Signal the program's process group; nothing happens where it is gone."""
        ...

    def read(self, take: OnBytes) -> None:
        """Hand over both streams up to their ends."""
        ...

    def exit_code(self) -> int:
        """The exit code after the streams ended; ConnectionError where there is none."""
        ...

    def close(self) -> None:
        """Give back what the session holds; the program is left alone."""
        ...


class Running:
    """A :class:`Process` over any session; :meth:`follow` hands over its output."""

    def __init__(self, node: str, session: Session, take: OnBytes) -> None:
        self._node = node
        self._session = session
        self._take = take
        self._ended = threading.Event()
        self._code: int | None = None
        self._error: Exception | None = None

    def in_background(self) -> Running:
        """Hand over the output in a thread of its own."""
        threading.Thread(target=self.follow, name=f"{self._node} output", daemon=True).start()
        return self

    def follow(self) -> None:
        """Hand over the output in this thread, up to its end; what fails, :meth:`wait` raises."""
        try:
            self._session.read(self._take)
            self._code = self._session.exit_code()
        except Exception as error:  # whatever it was, who waits must hear of it
            self._error = error
        finally:
            try:
                self._session.close()
            finally:
                self._ended.set()

    def send(self, data: bytes) -> None:
        """Write to the program's stdin; one that reads no more does not mind."""
        with contextlib.suppress(OSError):
            self._session.write(data)

    def close_stdin(self) -> None:
        """Let the program's stdin reach its end."""
        with contextlib.suppress(OSError):
            self._session.close_stdin()

    def signal(self, name: str) -> None:
        """Send a signal to the program's process group, unless it has ended."""
        if not self._ended.is_set():
            self._session.signal(name)

    def poll(self) -> int | None:
        """The exit code, or None while the program runs."""
        return self._outcome() if self._ended.is_set() else None

    def wait(self, timeout_s: float | None = None) -> int:
        """The exit code, once there is one and all output was handed over."""
        if not self._ended.wait(timeout_s):
            raise TimeoutError(f"{self._node}: still runs after {timeout_s:g} s")
        return self._outcome()

    def _outcome(self) -> int:
        if isinstance(self._error, ConnectionError):
            raise TransportError(self._node, str(self._error)) from self._error
        if self._error is not None:
            raise self._error
        if self._code is None:
            raise RuntimeError("a program ended without an exit code")
        return self._code

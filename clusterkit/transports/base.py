"""The one interface between clusterkit and a node.

Every transport keeps these promises; tests/contract/ runs them against each real one.

1. ``run`` returns a result for any exit code: a non-zero exit is data, not an exception.
2. ``run`` raises :class:`TransportError` only when no exit code exists.
3. ``argv`` reaches the program word for word; no shell splits or expands it.
4. ``env`` is added to the environment there. stdin is what the command gives, or is closed.
5. After ``timeout_s`` the program is ended where it runs, and :class:`CommandTimeout` is raised.
6. ``start`` hands over lines as they come, and its process can be fed, polled, signalled and
   waited for; a signal reaches the program and its children.
7. ``put`` and ``get`` move files of any size; a file appears whole or not at all.
8. ``connect`` reaches a TCP port of the node, as a program there would: many at once, of any
   length, each side ends its own direction, and a slow reader holds back the sender.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from clusterkit.command import Command, Put, Result
from clusterkit.events import Stream

OnOutput = Callable[[Stream, str], None]
"""Takes one line of a process, without its newline."""

OnBytes = Callable[[Stream, bytes], None]
"""Takes what a program wrote, in pieces as they come; ``b""`` says that the stream ended."""


class Process(Protocol):
    """A program that runs on a node."""

    def send(self, data: bytes) -> None:
        """Write to the program's stdin."""
        ...

    def close_stdin(self) -> None:
        """Let the program's stdin reach its end."""
        ...

    def signal(self, name: str) -> None:
        """Send a signal (``TERM``, ``KILL``, …) to the program's process group."""
        ...

    def poll(self) -> int | None:
        """The exit code, or None while the program runs. Ended by signal 9: 137."""
        ...

    def wait(self, timeout_s: float | None = None) -> int:
        """The exit code, once there is one and all output was handed over.

        Raises:
            TimeoutError: If the program still runs after ``timeout_s``.
            TransportError: If the connection ended before the program did.
        """
        ...


class Link(Protocol):
    """A connection to a port of a node; one thread may send while another receives."""

    def send(self, data: bytes) -> None:
        """Send all of it, as slowly as it is read there; OSError where nobody does any more."""
        ...

    def end(self) -> None:
        """Let the other side read its end; it may go on sending."""
        ...

    def receive(self) -> bytes:
        """The next bytes; none: the other side ended. OSError where the connection is lost."""
        ...

    def close(self) -> None:
        """Give it back; who waits in :meth:`receive` need not be woken."""
        ...


class Transport(Protocol):
    """Runs commands on one node, and moves files."""

    @property
    def node(self) -> str:
        """The node's name in the inventory, used in every message."""
        ...

    def run(self, command: Command) -> Result:
        """Run one command to its end."""
        ...

    def follow(self, command: Command, take: OnBytes) -> int:
        """Run one command to its end and hand over its bytes as they come; its exit code."""
        ...

    def feed(self, command: Command, chunks: Iterable[bytes]) -> Result:
        """Run one command that reads a stream; it is ended where the stream breaks off."""
        ...

    def run_all(self, commands: Sequence[Command]) -> list[Result]:
        """Run commands that read nothing one after another, in a single round trip."""
        ...

    def start(self, command: Command, on_output: OnOutput) -> Process:
        """Start one command; its stdin stays open for :meth:`Process.send`."""
        ...

    def connect(self, address: str, port: int) -> Link:
        """Reach a port as the node sees it; ConnectionRefusedError where nobody listens.

        Raises:
            TransportError: If the node itself cannot be reached.
        """
        ...

    def put(self, file: Put) -> None:
        """Write one file from memory, atomically, with its mode."""
        ...

    def upload(self, source: Path, path: str, *, mode: int = 0o644) -> None:
        """Copy one local file there, atomically."""
        ...

    def download(self, path: str, target: Path) -> None:
        """Copy one file from there."""
        ...

    def end_running(self) -> None:
        """End the programs that :meth:`run` waits for in other threads."""
        ...

    def answers(self, within_s: float) -> bool:
        """Whether the node says anything now; True where nothing was asked of it yet."""
        ...

    def give_up(self) -> None:
        """Wait no more for this node: whoever does hears that it did not answer."""
        ...

    def close(self) -> None:
        """Give back the connection."""
        ...

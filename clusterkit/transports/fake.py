"""A transport that reaches nothing: for unit tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from clusterkit.command import Command, Put, Result
from clusterkit.transports.base import Link, OnBytes, OnOutput


class FakeTransport:
    """Answers from a function, keeps files in memory, and remembers what it was asked."""

    def __init__(self, answer: Callable[[Command], Result], node: str = "fake") -> None:
        self.node = node
        self.commands: list[Command] = []
        self.files: dict[str, Put] = {}
        self.closed = False
        self._answer = answer

    def run(self, command: Command) -> Result:
        """Remember ``command`` and return the prepared answer."""
        self.commands.append(command)
        return self._answer(command)

    def follow(self, command: Command, take: OnBytes) -> int:
        """Remember ``command``, and hand over its answer."""
        result = self.run(command)
        take("stdout", result.stdout.encode())
        take("stderr", result.stderr.encode())
        return result.exit_code

    def feed(self, command: Command, chunks: Iterable[bytes]) -> Result:
        """Remember ``command``, and read all of the stream."""
        for _ in chunks:
            pass
        return self.run(command)

    def run_all(self, commands: Sequence[Command]) -> list[Result]:
        """Answer each command."""
        return [self.run(command) for command in commands]

    def start(self, command: Command, on_output: OnOutput) -> FakeProcess:
        """Remember ``command``; its output comes at once, and it has ended."""
        result = self.run(command)
        for line in result.stdout.splitlines():
            on_output("stdout", line)
        for line in result.stderr.splitlines():
            on_output("stderr", line)
        return FakeProcess(result.exit_code)

    def connect(self, address: str, port: int) -> Link:
        """Nobody listens there."""
        raise ConnectionRefusedError(f"{address}:{port}")

    def put(self, file: Put) -> None:
        """Keep ``file``."""
        self.files[file.path] = file

    def upload(self, source: Path, path: str, *, mode: int = 0o644) -> None:
        """Keep a copy of a local file."""
        self.put(Put(path, source.read_bytes(), mode))

    def download(self, path: str, target: Path) -> None:
        """Write a file that was kept."""
        target.write_bytes(self.files[path].content)

    def close(self) -> None:
        """Remember that nothing more is wanted."""
        self.closed = True

    def end_running(self) -> None:
        """Nothing runs."""

    def answers(self, within_s: float) -> bool:
        """It is always there."""
        del within_s
        return True

    def give_up(self) -> None:
        """Remember that nobody waits any more."""
        self.closed = True


class FakeProcess:
    """A program that has ended, and remembers what it was sent."""

    def __init__(self, exit_code: int) -> None:
        self.sent = b""
        self.signals: list[str] = []
        self._exit_code = exit_code

    def send(self, data: bytes) -> None:
        """Remember ``data``."""
        self.sent += data

    def close_stdin(self) -> None:
        """Nothing reads it."""

    def signal(self, name: str) -> None:
        """Remember the signal."""
        self.signals.append(name)

    def poll(self) -> int | None:
        """The prepared exit code."""
        return self._exit_code

    def wait(self, timeout_s: float | None = None) -> int:
        """The prepared exit code."""
        del timeout_s
        return self._exit_code

"""Everything that a transport can do, given that it can start a program and stream to it."""

from __future__ import annotations

import contextlib
import re
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import BinaryIO

from clusterkit.command import Command, Put, Result
from clusterkit.errors import ClusterkitError, CommandTimeout, TransportError
from clusterkit.events import Stream
from clusterkit.transports import shell
from clusterkit.transports.base import Link, OnOutput
from clusterkit.transports.lines import Collected, Lines, OnBytes
from clusterkit.transports.link import SessionLink
from clusterkit.transports.session import Running, Session

_GRACE_S = 3.0  # timeout(1) has ended the program by then, or what it left holds the streams
_END_WITHIN_S = 2.0
_LOOKS_WITHIN_S = 90.0  # all looks at one node, each of which has a limit of its own
_CHUNK_BYTES = 1 << 20


class StreamTransport(ABC):
    """Base of the real transports; they differ in how a program is started."""

    def __init__(self, node: str) -> None:
        self.node = node
        self._waited_for: set[Running] = set()
        self._ending = False

    @abstractmethod
    def _open(self, command: Command) -> Session:
        """Start ``command``, but for its stdin; TransportError where that is not possible."""

    @abstractmethod
    def close(self) -> None:
        """Give back the connection."""

    def run(self, command: Command) -> Result:
        """Run one command to its end."""
        output = Collected()
        code = self.follow(command, output.take)
        return Result(self.node, command, code, output.text("stdout"), output.text("stderr"))

    def follow(self, command: Command, take: OnBytes) -> int:
        """Run one command to its end and hand over its bytes as they come; its exit code."""
        chunks = None if command.stdin is None else [command.stdin]
        return self._feed(command, chunks, take)

    def feed(self, command: Command, chunks: Iterable[bytes]) -> Result:
        """Run one command that reads a stream; it is ended where the stream breaks off."""
        output = Collected()
        code = self._feed(command, chunks, output.take)
        return Result(self.node, command, code, output.text("stdout"), output.text("stderr"))

    def run_all(self, commands: Sequence[Command]) -> list[Result]:
        """Run commands one after another in a single round trip; they read nothing."""
        mark = uuid.uuid4().hex
        output = Collected()
        looks = Command(shell.one_after_another(commands, mark), timeout_s=_LOOKS_WITHIN_S)
        self._feed(looks, None, output.take)
        words = re.split(rf"\n{mark} (\d+)\n", output.text("stdout"))
        errors = output.text("stderr").split(f"\n{mark}\n")
        stdouts, codes = words[0::2], words[1::2]
        if len(codes) != len(commands):
            raise TransportError(
                self.node,
                f"only {len(codes)} of {len(commands)} looks came back. "
                "Fix: see `clusterkit status`, and run it again",
            )
        rows = zip(commands, codes, stdouts, errors, strict=False)
        return [Result(self.node, each, int(code), out, err) for each, code, out, err in rows]

    def kill(self, name: str, group: int) -> None:
        """Signal a process group there; unlike :meth:`run`, nothing ends this command itself."""
        words = shell.script(shell.KILL, name, str(group))
        process = Running(self.node, self._open(Command(words)), Collected().take)
        process.close_stdin()
        process.follow()
        process.wait()

    def start(self, command: Command, on_output: OnOutput) -> Running:
        """Start one command; its stdin stays open, behind what the command gives."""
        process = Running(self.node, self._open(command), Lines(on_output).take).in_background()
        if command.stdin:
            process.send(command.stdin)
        return process

    def connect(self, address: str, port: int) -> Link:
        """Reach a port of the node through a small program there."""
        relay = files("clusterkit.payloads").joinpath("relay.py").read_text()
        words = shell.script(shell.PYTHON, relay, address, str(port))
        return SessionLink(self._open(Command(words)))

    def end_running(self) -> None:
        """End what others wait for in :meth:`run` and in copies: TERM, and soon KILL."""
        self._ending = True
        running = tuple(self._waited_for)
        for process in running:
            process.signal("TERM")
        until = time.monotonic() + _END_WITHIN_S
        for process in running:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except TimeoutError:
                process.signal("KILL")
            except ClusterkitError:
                continue  # it is told to the one who waits

    def answers(self, within_s: float) -> bool:
        """Whether the node says anything now; this machine always does."""
        del within_s
        return True

    def give_up(self) -> None:
        """Wait no more for this node."""
        self.close()

    def put(self, file: Put) -> None:
        """Write one file from memory, atomically, with its mode."""
        self._write(file.path, [file.content], len(file.content), file.mode)

    def upload(self, source: Path, path: str, *, mode: int = 0o644) -> None:
        """Copy one local file there, atomically."""
        try:
            size = source.stat().st_size
            with source.open("rb") as content:
                self._write(path, _chunks(content), size, mode)
        except OSError as error:
            raise ClusterkitError(
                f"{source}: cannot be read: {error.strerror}. Fix: check the path"
            ) from error

    def download(self, path: str, target: Path) -> None:
        """Copy one file from there, atomically; parents are made."""
        part = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
        errors = Collected()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as content:

                def take(stream: Stream, data: bytes) -> None:
                    if stream == "stdout":
                        content.write(data)
                    else:
                        errors.take(stream, data)

                code = self._feed(Command(("cat", "--", path)), None, take)
            if code != 0:
                raise self._file_error(path, "be read", errors.text("stderr"))
            part.replace(target)
        except OSError as error:
            raise ClusterkitError(
                f"{target}: cannot be written: {error.strerror}. Fix: {_fix(error.strerror or '')}"
            ) from error
        finally:
            part.unlink(missing_ok=True)

    def _write(self, path: str, chunks: Iterable[bytes], size: int, mode: int) -> None:
        words = shell.script(shell.PUT, path, f"{mode:o}", str(size), uuid.uuid4().hex)
        output = Collected()
        if self._feed(Command(words), chunks, output.take) != 0:
            raise self._file_error(path, "be written", output.text("stderr"))

    def _feed(self, command: Command, chunks: Iterable[bytes] | None, take: OnBytes) -> int:
        """Start a program, give it its stdin (None: it reads nothing), and wait for its end.

        Who only waits for the end hands over the output meanwhile: a thread for each of many
        programs is dear.
        """
        began = time.monotonic()
        session = self._open(command)
        process = Running(self.node, session, take)
        self._waited_for.add(process)
        ending = self._ending
        only_waits = chunks is None and command.timeout_s is None and not ending
        if not only_waits:
            process.in_background()
        if ending:  # it was on its way when the others were ended
            process.signal("TERM")
        try:
            self._send(process, chunks or ())
            process.close_stdin()
            if only_waits:
                process.follow()
            return self._end_in_time(command, session, process, began)
        finally:
            self._waited_for.discard(process)

    def _send(self, process: Running, chunks: Iterable[bytes]) -> None:
        """Give a program its stdin; half of it must not look like all of it."""
        try:
            for chunk in chunks:
                process.send(chunk)
        except BaseException:
            process.signal("TERM")
            raise

    def _end_in_time(
        self, command: Command, session: Session, process: Running, began: float
    ) -> int:
        """The exit code; a program that has a time limit is ended where it runs."""
        if command.timeout_s is None:
            return process.wait()
        code = None
        with contextlib.suppress(TimeoutError):
            code = process.wait(began + command.timeout_s + _GRACE_S - time.monotonic())
        ran_s = time.monotonic() - began
        if code is not None and (code not in shell.TIMED_OUT or ran_s < command.timeout_s):
            return code
        session.signal("KILL")  # what ignored the first signal, and outlived its parent
        with contextlib.suppress(TimeoutError):
            process.wait(_GRACE_S)
        raise CommandTimeout(self.node, command)

    def _file_error(self, path: str, what: str, stderr: str) -> ClusterkitError:
        last = (stderr.strip().splitlines() or ["no reason given"])[-1]
        reason = last.rsplit(": ", 1)[-1]
        return ClusterkitError(f"{self.node}: {path} cannot {what}: {reason}. Fix: {_fix(reason)}")


def _fix(reason: str) -> str:
    if "space" in reason or "quota" in reason:
        return "free some space on that disk"
    if "denied" in reason or "Read-only" in reason:
        return "choose a path that the user may use there, or change its rights"
    return "check the path"


def _chunks(content: BinaryIO) -> Iterator[bytes]:
    while chunk := content.read(_CHUNK_BYTES):
        yield chunk

"""What the parts of a job say to one another: lines of JSON, over pipes, ssh and sockets.

    controller ── supervisor (on the head) ── agent (on every node) ── rank (one for each rank)

Every message is an object whose ``t`` says what it is; ``prepare`` and ``job`` carry the version.
``prepare`` names the nodes of a job that is not known yet: their agents are started, and wait for
it. No part ever waits for another while it reads or writes: a peer that stopped reading must not
keep a lease from lapsing.

    to the supervisor   prepare, job, lease, stop (outcome, message, grace_s), kill, detach
    from it             alive, started, rank-started, output, answer, launcher, rank-ended,
                        node-lost, note, end, detached
    to an agent         job, lease, begin, daemon, stop (grace_s), finish
    from it             ready, alive, rank-started, output, answer, rank-ended, misplaced, note,
                        daemon-output, daemon-ended, stopped, gone
    to a rank           run, leave
    from it             hello (with its pipes), started, ended
    to a torchrun       meet
    from it             hello (without a rank)
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Dict  # noqa: UP035 - see Message

if TYPE_CHECKING:
    from clusterkit.payloads.loop import Loop

VERSION = 1
# A lease is renewed every second; without a renewal its holder ends the job's processes.
RENEW_EVERY_S = 1.0
LEASE_TTL_S = 4.0
GRACE_S = 3.0  # so long may ranks go on that were asked to end, unless their job says otherwise
OPEN_STATES = ("starting", "running", "stopping")  # any other: the job has ended
NOT_RUNNING = 3  # the exit code of a stop where the job does not run
JOB_VARIABLE = "CLUSTERKIT_JOB"
RECORDS = ("state.json", "logs")  # what of a job's folder stays, and only on the head
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - where programs of ranks make regions


def shared_memory_of(job: str) -> str:
    """How the name of a region of shared memory begins that goes with the job."""
    return f"clusterkit-{job}-"


Message = Dict[str, Any]  # noqa: UP006 - evaluated, on Python 3.8 too

_CHUNK_BYTES = 1 << 16


def encode(message: Message) -> bytes:
    """One message as a line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class LineSplitter:
    """Cuts a stream of bytes into lines; a line longer than ``limit_bytes`` comes in pieces."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes, without their newlines."""
        first, newline, after = data.partition(b"\n")
        self._rest += first
        lines = []
        if newline:
            *whole, rest = after.split(b"\n")
            lines = [bytes(self._rest), *whole]
            self._rest = bytearray(rest)
        if len(self._rest) > self._limit_bytes:
            lines += self.end()
        return lines

    def end(self) -> list[bytes]:
        """What is left when the stream has ended."""
        left = [bytes(self._rest)] if self._rest else []
        self._rest = bytearray()
        return left


class Channel:
    """Sends and receives messages over two file descriptors, without ever waiting."""

    def __init__(
        self,
        loop: Loop,
        read_fd: int,
        write_fd: int,
        on_message: Callable[[Message], None],
        on_end: Callable[[], None],
    ) -> None:
        self._loop, self._read_fd, self._write_fd = loop, read_fd, write_fd
        self._on_message, self._on_end = on_message, on_end
        self._splitter = LineSplitter(1 << 30)
        self._out: deque[memoryview] = deque()
        self.backlog_bytes = 0
        self.on_drained: Callable[[], None] = _nothing
        self._open = True
        for fd in (read_fd, write_fd):
            os.set_blocking(fd, False)
        loop.on_readable(read_fd, self._read)

    def send(self, message: Message) -> None:
        """Send one message, as soon as the other side takes it."""
        if not self._open:
            return
        data = encode(message)
        self.backlog_bytes += len(data)
        self._out.append(memoryview(data))
        if len(self._out) == 1:
            self._write()

    def close(self) -> None:
        """Send and receive no more."""
        if self._open:
            self._open = False
            self._out.clear()
            self.backlog_bytes = 0
            for fd in {self._read_fd, self._write_fd}:
                self._loop.forget(fd)
                os.close(fd)

    def flush(self, patience_s: float) -> None:
        """Wait until everything is sent, or nothing was taken for ``patience_s``; for last words.

        However much it is and however slow the other side reads, nothing of it is lost.
        """
        while self._out and self._loop.run_until(self._less_than(self.backlog_bytes), patience_s):
            pass

    def _less_than(self, before: int) -> Callable[[], bool]:
        return lambda: self.backlog_bytes < before

    def _write(self) -> None:
        try:
            while self._out:
                sent = os.write(self._write_fd, self._out[0][:_CHUNK_BYTES])
                self.backlog_bytes -= sent
                if sent < len(self._out[0]):
                    self._out[0] = self._out[0][sent:]
                else:
                    self._out.popleft()
        except BlockingIOError:
            self._loop.on_writable(self._write_fd, self._write)
            return
        except OSError:  # it reads no more: the end is seen on the reading side
            self._out.clear()
            self.backlog_bytes = 0
        self._loop.on_writable(self._write_fd, None)
        self.on_drained()

    def _read(self) -> None:
        try:
            data = os.read(self._read_fd, _CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.on_readable(self._read_fd, None)
            self._on_end()
        for line in self._splitter.feed(data):
            if self._open and line.startswith(b"{"):  # a login shell may greet first
                self._on_message(json.loads(line))


def _nothing() -> None:
    """For a channel that nobody waits for."""

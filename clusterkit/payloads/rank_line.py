"""One rank of this node: its connection, and what its program writes into its three pipes."""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import TYPE_CHECKING, Any, BinaryIO

from clusterkit.payloads.job_protocol import Channel, LineSplitter, Message
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.processes import signal_group

if TYPE_CHECKING:
    from clusterkit.payloads.rank_server import RankServer

_CHUNK_BYTES = 1 << 16
_PIPE_CHUNKS = 17  # a pipe holds at most 1 MiB, unless root made it larger
# A program that writes each line by itself gets one message for many of them.
_REST_S = 0.005
_PIPES = ("stdout", "stderr", "answer")
_LINE_LIMIT_BYTES = {"stdout": 1 << 16, "stderr": 1 << 16, "answer": 1 << 26}


class RankLine:
    """One rank: its connection and its program's three pipes. ``pid`` is of the living program."""

    def __init__(self, loop: Loop, connection: socket.socket, server: RankServer) -> None:
        self._loop, self._connection, self._server = loop, connection, server
        self._channel: Channel | None = None
        self._pipes: dict[int, Pipe] = {}
        self.hello: dict[str, int] = {}
        self.pid: int | None = None
        self.told = False
        self._has_ended = False
        loop.on_readable(connection.fileno(), self._greet)

    def send(self, message: Message) -> None:
        """Tell the rank."""
        if self._channel is not None:
            self._channel.send(message)

    def pause(self) -> None:
        """Read no more for now."""
        for pipe in self._pipes.values():
            pipe.pause()

    def resume(self) -> None:
        """Read on."""
        for pipe in self._pipes.values():
            pipe.resume()

    def drain(self) -> None:
        """Take what is in the pipes now; not for ever, where a grandchild goes on writing."""
        for pipe in list(self._pipes.values()):
            for _ in range(_PIPE_CHUNKS):
                if not pipe.read_some():
                    break

    def close(self) -> None:
        """Hang up; the rank ends at once."""
        for pipe in list(self._pipes.values()):
            pipe.close()
        if self._channel is not None:
            self._channel.close()
        else:
            self._loop.forget(self._connection.fileno())
            self._connection.close()
        if self in self._server.lines:
            self._server.lines.remove(self)

    def _greet(self) -> None:
        data, messages, *_ = self._connection.recvmsg(4096, socket.CMSG_SPACE(12))
        if not data:
            self.close()
            return
        self.hello = json.loads(data)
        fds = memoryview(messages[0][2]).cast("i").tolist() if messages else ()
        for name, fd in zip(_PIPES, fds):  # noqa: B905 - Python 3.8
            self._pipes[fd] = Pipe(self._loop, fd, name, self)
        self._loop.forget(self._connection.fileno())
        fd = self._connection.detach()
        self._channel = Channel(self._loop, fd, os.dup(fd), self._take, self._vanished)
        self._server.said_hello(self)

    def _take(self, message: Message) -> None:
        rank = self.hello["rank"]
        if message["t"] == "started":
            self.pid = message["pid"]
            self._server.tell({"t": "rank-started", "rank": rank, "pid": self.pid})
            if self._server.is_stopping:
                signal_group(message["pid"], signal.SIGKILL)
        else:
            self.drain()
            told = message["told"] or self.told
            self._report({**message, "t": "rank-ended", "rank": rank, "told": told})

    def _vanished(self) -> None:
        """The rank hung up: after its report, or because it was killed."""
        self.drain()
        if "rank" in self.hello and not self._has_ended:
            end = {"t": "rank-ended", "rank": self.hello["rank"], "exit_code": None}
            self._report({**end, "signal": None, "told": self.told})
        self.close()
        self._server.ended()

    def _report(self, end: dict[str, Any]) -> None:
        self._has_ended = True
        self.pid = None
        self._server.tell_end(end)
        self._server.ended()

    def said(self, stream: str, lines: list[bytes]) -> None:
        """Pass on what the program wrote."""
        rank, kind = self.hello["rank"], "answer" if stream == "answer" else "output"
        texts = [line.decode(errors="replace") for line in lines]
        self._server.tell({"t": kind, "rank": rank, "stream": stream, "lines": texts})

    def dropped(self, pipe: Pipe) -> None:
        """A pipe has reached its end."""
        self._pipes.pop(pipe.fd, None)

    def log(self, stream: str) -> BinaryIO | None:
        """Where this pipe's bytes are kept on this node."""
        return self._server.log(self.hello["rank"], stream)


class Pipe:
    """The reading end of one of a program's pipes."""

    def __init__(self, loop: Loop, fd: int, name: str, rank: RankLine) -> None:
        self._loop, self.fd, self._name, self._rank = loop, fd, name, rank
        self._splitter = LineSplitter(_LINE_LIMIT_BYTES[name])
        self._log = rank.log(name)
        self._is_open, self._is_paused, self._rests = True, False, False
        os.set_blocking(fd, False)
        self._watch()

    def pause(self) -> None:
        """Read no more for now."""
        self._is_paused = True
        self._watch()

    def resume(self) -> None:
        """Read on."""
        self._is_paused = False
        self._watch()

    def read_some(self) -> bool:
        """Take one chunk; say whether there may be more."""
        try:
            data = os.read(self.fd, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        if self._log is not None:
            self._log.write(data)
        lines = self._splitter.feed(data) if data else self._splitter.end()
        if lines:
            self._rank.said(self._name, lines)
        if not data:
            self.close()
        return bool(data)

    def close(self) -> None:
        """Read no more."""
        self._is_open = False
        self._rank.dropped(self)
        self._loop.forget(self.fd)
        os.close(self.fd)
        if self._log is not None:
            self._log.close()

    def _read(self) -> None:
        self.read_some()
        self._rests = True
        self._watch()
        self._loop.after(_REST_S, self._wake)

    def _wake(self) -> None:
        self._rests = False
        self._watch()

    def _watch(self) -> None:
        if self._is_open:
            waits = self._is_paused or self._rests
            self._loop.on_readable(self.fd, None if waits else self._read)

"""Serve the ranks of one node: check each one's place, hand it its program, pass on its words."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from clusterkit.payloads.job_protocol import Channel, LineSplitter, Message
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.processes import signal_group

_CHUNK_BYTES = 1 << 16
_PIPE_CHUNKS = 17  # a pipe holds at most 1 MiB, unless root made it larger
_PIPES = ("stdout", "stderr", "answer")
_LINE_LIMIT_BYTES = {"stdout": 1 << 16, "stderr": 1 << 16, "answer": 1 << 26}
# Where the supervisor takes output slower than ranks write it, the ranks wait, not we.
_PAUSE_ABOVE_BYTES = 1 << 20
# What the launcher needs and a program does not.
_UNSET = ("TMPDIR", "CLUSTERKIT_FOLDER", "CLUSTERKIT_PYTHON", "CLUSTERKIT_PAYLOADS")


class RankServer:
    """All ranks of this node."""

    def __init__(
        self,
        loop: Loop,
        job: Message,
        supervisor: Channel,
        port: socket.socket,
        logs: Path | None,
    ) -> None:
        self._loop, self._job, self._supervisor = loop, job, supervisor
        self._port, self._logs = port, logs
        self._env: dict[str, str] | None = None
        self._waiting: list[RankLine] = []
        self._stopped: Callable[[], None] | None = None
        self._is_paused = False
        self.lines: list[RankLine] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind("agent.sock")
        self._listener.listen(512)
        loop.on_readable(self._listener.fileno(), self._accept)
        supervisor.on_drained = self._resume

    @property
    def is_stopping(self) -> bool:
        """Whether the programs were asked to end."""
        return self._stopped is not None

    def begin(self, env: dict[str, str]) -> None:
        """Hand over programs from now on; ranks that came before have waited."""
        self._env = {**self._job["env"], **env}
        waiting, self._waiting = self._waiting, []
        for line in waiting:
            self._admit(line)

    def stop(self, grace_s: float, stopped: Callable[[], None]) -> None:
        """Ask the programs to end, and after ``grace_s`` end them; call ``stopped`` then."""
        self._env = None  # a rank that comes now is too late
        self._stopped = stopped
        self._signal_all(signal.SIGTERM if grace_s else signal.SIGKILL)
        if grace_s:
            self._loop.after(grace_s, lambda: self._signal_all(signal.SIGKILL))
        self._check_stopped()

    def close(self) -> None:
        """Let every rank leave."""
        for line in list(self.lines):
            line.drain()
            line.close()
        self._loop.forget(self._listener.fileno())
        self._listener.close()
        self._port.close()

    def _accept(self) -> None:
        connection = self._listener.accept()[0]
        self.lines.append(RankLine(self._loop, connection, self))

    def said_hello(self, line: RankLine) -> None:
        """A rank is here: it may have its program if this is its place."""
        if self.is_stopping:
            line.close()
        elif self._env is None:
            self._waiting.append(line)
        else:
            self._admit(line)

    def _admit(self, line: RankLine) -> None:
        hello = line.hello
        if "rank" not in hello:  # the node's torchrun asks where to meet the others
            self._port.close()
            line.send({"t": "meet", "env": self._env})
            return
        planned = self._job["ranks"].get(str(hello["rank"]))
        if planned != hello["local_rank"] or hello["size"] != self._job["world_size"]:
            self.tell({**hello, "t": "misplaced"})
            return
        if hello["rank"] == 0:
            self._port.close()
        env = {**(self._env or {}), "RANK": str(hello["rank"])}
        env.update(LOCAL_RANK=str(planned), **self._job["program_env"])
        order = {"t": "run", "argv": self._job["argv"], "env": env, "unset": _UNSET}
        line.send({**order, "prefixes": self._job["prefixes"], "chdir": self._job["chdir"]})

    def tell(self, message: Message) -> None:
        """Pass on to the supervisor."""
        self._supervisor.send(message)
        if not self._is_paused and self._supervisor.backlog_bytes > _PAUSE_ABOVE_BYTES:
            self._is_paused = True
            for line in self.lines:
                line.pause()

    def _resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            for line in self.lines:
                line.resume()

    def ended(self) -> None:
        """A rank's program ended, or the rank itself."""
        self._check_stopped()

    def _signal_all(self, number: int) -> None:
        for line in self.lines:
            if line.pid is not None:
                line.told = True
                signal_group(line.pid, number)

    def _check_stopped(self) -> None:
        if self._stopped is not None and all(line.pid is None for line in self.lines):
            stopped, self._stopped = self._stopped, _already
            stopped()

    def log(self, rank: int, stream: str) -> BinaryIO | None:
        """Where this node keeps a rank's output; the head's is kept by the supervisor."""
        if self._logs is None:
            return None
        ending = {"stdout": "out", "stderr": "err", "answer": "answers"}[stream]
        return (self._logs / f"rank-{rank}.{ending}").open("wb")


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
            self._loop.on_readable(pipe.fd, None)

    def resume(self) -> None:
        """Read on."""
        for pipe in self._pipes.values():
            self._loop.on_readable(pipe.fd, pipe.read)

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
        self._server.tell(end)
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
        os.set_blocking(fd, False)
        loop.on_readable(fd, self.read)

    def read(self) -> None:
        """Take one chunk."""
        self.read_some()

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
        self._rank.dropped(self)
        self._loop.forget(self.fd)
        os.close(self.fd)
        if self._log is not None:
            self._log.close()


def _already() -> None:
    """The end was told once."""

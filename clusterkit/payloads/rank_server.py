"""Serve the ranks of one node: check each one's place, hand it its program, pass on its words."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from clusterkit.payloads.job_protocol import Channel, Message
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.node_faults import NodeFaults
from clusterkit.payloads.processes import signal_group
from clusterkit.payloads.rank_line import RankLine

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
        self._faults = NodeFaults()
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

    @property
    def living(self) -> dict[int, int]:
        """Each rank whose program runs, and its process."""
        return {line.hello["rank"]: line.pid for line in self.lines if line.pid is not None}

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

    def tell_trace(self, rank: int, lines: list[str]) -> None:
        """Put what was found out about a rank among what it wrote."""
        self.tell({"t": "output", "rank": rank, "stream": "stderr", "lines": lines})

    def tell_end(self, end: Message) -> None:
        """Pass on how a rank ended; of one that failed, with what befell the node meanwhile."""
        faults = {} if end["exit_code"] == 0 else self._faults.so_far()
        self.tell({**end, "faults": faults})

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


def _already() -> None:
    """The end was told once."""

"""Watch over one node's part of a job: start daemons and ranks, pass on what they say, end them.

The supervisor speaks on stdin and listens on stdout. When its lease lapses or it hangs up, the
agent ends everything of the job on this node by itself.
"""

from __future__ import annotations

import base64
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from clusterkit.payloads.addresses import hold_free_port
from clusterkit.payloads.causes import refusal
from clusterkit.payloads.daemon_network import pin_daemon
from clusterkit.payloads.job_protocol import (
    LEASE_TTL_S,
    VERSION,
    Channel,
    LineSplitter,
    Message,
)
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.network import network_of
from clusterkit.payloads.own_prefix import daemon_here
from clusterkit.payloads.processes import adopt_orphans, reap, spawn, state_of
from clusterkit.payloads.rank_server import RankServer
from clusterkit.payloads.surroundings import surroundings
from clusterkit.payloads.sweep import clean, sweep

_GRACE_ALONE_S = 1.0
_OUTPUT_LINE_BYTES = 1 << 16


def main() -> None:
    """Serve one job to its end."""
    adopt_orphans()
    loop = Loop()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        loop.on_signal(number, _ignore)
    agent = Agent(loop)
    loop.run_until(lambda: agent.done)
    sys.exit(0)


class Agent:
    """One node's part of one job."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._job: Message = {}
        self._folder = Path()
        self._is_head = False
        self._interface = ""
        self._ranks: RankServer | None = None
        self._daemons: dict[int, Any] = {}
        self._renewed = time.monotonic()
        self._ending = False
        self.done = False
        self._supervisor = Channel(loop, 0, 1, self._take, self._end_alone)
        loop.on_signal(signal.SIGCHLD, self._reap)
        loop.after(0.5, self._check_lease)

    def _take(self, message: Message) -> None:
        kind = message["t"]
        if kind == "lease":
            self._renewed = time.monotonic()
            self._tell_alive()
        elif kind == "job":
            try:
                self._prepare(message)
            except (LookupError, ValueError, OSError) as error:
                why = refusal(error)
                self._supervisor.send({"t": "refused", "why": why})
        elif kind == "daemon":
            self._start_daemon(message["key"], message["line"])
        elif kind == "finish":
            self._finish()
        elif self._ranks is None:
            raise ValueError(f"{kind} before job")
        elif kind == "begin":
            self._ranks.begin(message["env"])
        elif kind == "stop":
            self._ranks.stop(message["grace_s"], self._tell_stopped)
        elif kind == "trace":
            self._trace(self._ranks)

    def _prepare(self, job: Message) -> None:
        """Make the job's folder here, and look up what the ranks will need."""
        if job["version"] != VERSION:
            raise ValueError(f"the supervisor speaks version {job['version']}, not {VERSION}")
        self._job, self._folder = job, Path(job["folder"])
        self._is_head = job["is_head"]
        for name in ("run", "tmp", "logs"):
            (self._folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        for name, content in job["files"].items():
            path = self._folder / "run" / name
            path.touch(mode=0o600)  # a router's key is among them
            path.write_bytes(base64.b64decode(content))
        os.chdir(self._folder)  # names of sockets are at most 108 bytes long
        given = {**os.environ, **job["program_env"]}
        network = network_of(job["subnet"], job["address"], given)
        port = hold_free_port(job["address"] or "127.0.0.1")
        self._interface = network.interface
        job["env"].update(network.env)
        logs = None if self._is_head else self._folder / "logs"
        self._ranks = RankServer(self._loop, job, self._supervisor, port, logs)
        for note in network.notes:
            self._supervisor.send({"t": "note", "text": note})
        ready = {"t": "ready", "port": port.getsockname()[1], "host": os.uname().nodename}
        self._supervisor.send(ready)

    def _start_daemon(self, key: int, line: str) -> None:
        """Run a line of mpirun's as our child, and forward what it writes."""
        reader, writer = os.pipe()
        env = surroundings(self._job["id"], str(self._folder), self._job["python"])
        line = pin_daemon(line, self._interface, os.environ)
        line = daemon_here(line, *self._job["prefixes"])
        pid = spawn(("sh", "-c", line), env=env, fds={1: writer, 2: writer})
        os.close(writer)
        self._daemons[pid] = key
        splitter = LineSplitter(_OUTPUT_LINE_BYTES)

        def forward() -> None:
            data = os.read(reader, 1 << 16)
            lines = splitter.feed(data) if data else splitter.end()
            if lines:
                texts = [line.decode(errors="replace") for line in lines]
                self._supervisor.send({"t": "daemon-output", "lines": texts})
            if not data:
                self._loop.forget(reader)
                os.close(reader)

        self._loop.on_readable(reader, forward)

    def _reap(self) -> None:
        for pid, code in reap():
            if pid in self._daemons:
                key = self._daemons.pop(pid)
                self._supervisor.send({"t": "daemon-ended", "key": key, "exit_code": code})

    def _tell_alive(self) -> None:
        """The heartbeat: of this node, and of each of its ranks, with how its process is."""
        living = self._ranks.living if self._ranks else {}
        states = {str(rank): state_of(pid) for rank, pid in living.items()}
        self._supervisor.send({"t": "alive", "ranks": states})

    def _trace(self, ranks: RankServer) -> None:
        """Have every rank tell where it hangs, in its log."""
        from clusterkit.payloads.traces import Traces  # few jobs hang

        Traces(self._loop, ranks.living, self._job["python"], ranks.tell_trace, self._tell_traced)

    def _tell_traced(self, why: dict[int, str]) -> None:
        self._supervisor.send({"t": "traced", "ranks": {str(r): w for r, w in why.items()}})

    def _tell_stopped(self) -> None:
        self._supervisor.send({"t": "stopped"})

    def _check_lease(self) -> None:
        if time.monotonic() - self._renewed > LEASE_TTL_S:
            self._end_alone()
        else:
            self._loop.after(0.5, self._check_lease)

    def _end_alone(self) -> None:
        """The supervisor is gone or cut off: end the ranks in order, then everything."""
        if self._ending:
            return
        self._ending = True
        self._supervisor.close()
        if self._ranks is None:
            self._finish()
        else:
            self._ranks.stop(_GRACE_ALONE_S, self._finish)

    def _finish(self) -> None:
        """End all that is left of the job on this node, and say what that was.

        On the head the supervisor does it, as it has children of its own there.
        """
        if self._ranks is not None:
            self._ranks.close()
        if self._is_head and not self._ending:
            found: list[str] = []
            left: list[str] = []
        else:
            found, left = self._sweep()
        self._ending = True
        self._supervisor.send({"t": "gone", "found": found, "left": left})
        self._supervisor.flush(1.0)
        self.done = True

    def _sweep(self) -> tuple[list[str], list[str]]:
        if not self._job:
            return [], []
        swept = sweep(self._job["id"], descendants=True)
        os.chdir("/")
        clean(str(self._folder), keep_records=self._is_head)
        return swept


def _ignore() -> None:
    """The job ends when the supervisor says so."""

"""The supervisor's line to one node's agent: start it, feed it leases, notice its silence."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable
from typing import Any

from clusterkit.payloads.job_protocol import (
    JOB_VARIABLE,
    LEASE_TTL_S,
    VERSION,
    Channel,
    LineSplitter,
    Message,
)
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.processes import spawn

_SAID_LINES = 10
# SYNs go at 0, 1, 3, 7 and 15 s: no less patient than 10 s, and told sooner.
_CONNECT_TIMEOUT_S = 8


class AgentLink:
    """One node of the job, as the supervisor sees it.

    ``ready`` once its agent has answered, ``stopped`` once its ranks have ended, ``gone`` once it
    said that nothing is left, ``lost`` says why there is no agent any more.
    """

    def __init__(
        self,
        loop: Loop,
        node: dict[str, Any],
        job: str,
        ssh_config: str | None,
        on_message: Callable[[AgentLink, Message], None],
        on_end: Callable[[AgentLink], None],
    ) -> None:
        self.node, self.name = node, node["name"]
        self.ready = self.stopped = self.gone = False
        self.lost: str | None = None
        self.said: list[str] = []
        self.port = 0
        self.found: list[str] = []
        self.left: list[str] = []
        self._loop = loop
        self._heard: float | None = None
        words = [node["python"], "-I", "-S", node["payloads"], "agent", job]
        env = {**os.environ, JOB_VARIABLE: job}
        if ssh_config is not None:
            line = shlex.join(["env", f"{JOB_VARIABLE}={job}", *words])
            timeout = f"ConnectTimeout={_CONNECT_TIMEOUT_S}"
            words = ["ssh", "-F", ssh_config, "-o", "BatchMode=yes", "-o", timeout]
            words += [self.name, line]
        pipes = [os.pipe() for _ in range(3)]
        fds = {0: pipes[0][0], 1: pipes[1][1], 2: pipes[2][1]}
        # The head's agent outlives us, to end what we leave behind; ssh has to go with us.
        self.pid = spawn(words, env=env, fds=fds, session=True, mortal=ssh_config is not None)
        for fd in fds.values():
            os.close(fd)
        self.channel = Channel(
            loop,
            pipes[1][0],
            pipes[0][1],
            lambda message: on_message(self, message),
            lambda: on_end(self),
        )
        self._follow_stderr(pipes[2][0])

    def heard(self) -> None:
        """A message came."""
        self._heard = time.monotonic()

    @property
    def silent_s(self) -> float:
        """How long nothing has come from an agent that was heard before."""
        return 0.0 if self._heard is None else time.monotonic() - self._heard

    @property
    def is_silent(self) -> bool:
        """Whether that is longer than a heartbeat can be late."""
        return self.silent_s > LEASE_TTL_S

    @property
    def alive(self) -> bool:
        """Whether there is an agent to talk to."""
        return self.lost is None and not self.gone

    def _follow_stderr(self, fd: int) -> None:
        splitter = LineSplitter(1 << 16)

        def read() -> None:
            data = os.read(fd, 1 << 16)
            lines = splitter.feed(data) if data else splitter.end()
            self.said += [line.decode(errors="replace").rstrip("\r") for line in lines]
            del self.said[:-_SAID_LINES]
            if not data:
                self._loop.forget(fd)
                os.close(fd)

        self._loop.on_readable(fd, read)


def first_order(job: Message, node: dict[str, Any], *, is_head: bool) -> Message:
    """The message that tells an agent its part of the job."""
    ranks = {str(r["rank"]): r["local_rank"] for r in job["ranks"] if r["node"] == node["name"]}
    return {
        "t": "job",
        "version": VERSION,
        "id": job["id"],
        "is_head": is_head,
        "folder": node["folder"],
        "python": node["python"],
        "prefixes": [job["nodes"][0]["prefix"], node["prefix"]],
        "address": node["address"],
        "subnet": job["subnet"],
        "files": job["files"],
        "argv": node["argv"],
        "chdir": job["chdir"],
        "program_env": job["env"],
        "world_size": len(job["ranks"]),
        "ranks": ranks,
        "env": node["env"],
    }

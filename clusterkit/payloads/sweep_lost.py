"""Sweep the nodes whose agents are gone, by ssh from the head: where no controller does it."""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections.abc import Callable

from clusterkit.payloads.agent_link import AgentLink
from clusterkit.payloads.job_protocol import Message
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.processes import signal_group, spawn


class SweepLost:
    """Sweeps at once; a node that answers is ``gone`` then, with what was found and is left there.

    ``on_answer`` is called after each; ``is_done`` once all have answered or were given up.
    """

    def __init__(
        self, loop: Loop, job: Message, links: list[AgentLink], on_answer: Callable[[], None]
    ) -> None:
        self._loop, self._job, self._on_answer = loop, job, on_answer
        self._open: dict[int, int] = {}
        for link in links:
            self._start(link)

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to be heard."""
        return not self._open

    def give_up(self) -> None:
        """Wait no more."""
        for reader, pid in list(self._open.items()):
            signal_group(pid, signal.SIGKILL)
            self._close(reader)

    def _start(self, link: AgentLink) -> None:
        node, job = link.node, self._job["id"]
        line = [node["python"], "-I", "-S", node["payloads"], "sweep", job, node["folder"], "node"]
        words = ["ssh", "-F", self._job["ssh_config"], "-o", "BatchMode=yes"]
        words += ["-o", "ConnectTimeout=3", link.name, shlex.join(line)]
        reader, writer = os.pipe()
        nowhere = os.open("/dev/null", os.O_WRONLY)
        # Without the mark of the job, which what is swept on the head has
        env = {name: value for name, value in os.environ.items() if name != "CLUSTERKIT_JOB"}
        pid = spawn(words, env=env, fds={1: writer, 2: nowhere}, session=True)
        os.close(writer)
        os.close(nowhere)
        self._open[reader] = pid
        said = bytearray()

        def take() -> None:
            data = os.read(reader, 1 << 16)
            said.extend(data)
            if not data:
                self._close(reader)
                self._answered(link, bytes(said))

        self._loop.on_readable(reader, take)

    def _answered(self, link: AgentLink, said: bytes) -> None:
        for line in said.splitlines():
            if line.startswith(b"{"):  # a login shell may greet first
                seen = json.loads(line)
                link.found, link.left, link.gone = seen["found"], seen["left"], True
        self._on_answer()

    def _close(self, reader: int) -> None:
        del self._open[reader]
        self._loop.forget(reader)
        os.close(reader)

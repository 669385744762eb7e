"""The controller's side of the lease: hold the supervisor's line, and renew while we live."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from clusterkit.command import Command
from clusterkit.errors import TransportError
from clusterkit.events import Stream
from clusterkit.jobs.job import Job, Preparation
from clusterkit.payloads.job_protocol import JOB_VARIABLE, RENEW_EVERY_S, encode
from clusterkit.transports.base import Transport

Message = dict[str, Any]
_KILL_WITHIN_S = 1.0


class Owner:
    """Owns a job, from before it begins: the messages of its supervisor lie in ``inbox``.

    ``exited`` is set once there is no supervisor any more.

    Two of them are ours: ``{"t": "wake"}`` after a press of Ctrl-C, and ``{"t": "exited"}`` with
    the supervisor's exit code (None where the connection ended first) and its last words.
    """

    def __init__(self, prepared: Preparation, head: Transport) -> None:
        self.inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._stderr: list[str] = []
        self._sending = threading.Lock()
        self._over = threading.Event()
        self.exited = threading.Event()
        # Given to the supervisor's own process only: what it starts gets it from there.
        job = prepared.id
        command = Command(prepared.head.payload("supervise", job), env={JOB_VARIABLE: job})
        self._process = head.start(command, self._take)
        self.send(prepared.as_message())
        for task in (self._renew, self._wait):
            threading.Thread(target=task, name=f"{job} {task.__name__}", daemon=True).start()

    def begin(self, job: Job) -> None:
        """Give the supervisor the job for which it was started."""
        self.send(job.as_message())

    def send(self, message: Message) -> None:
        """Tell the supervisor; one that is gone does not mind."""
        with self._sending:
            try:
                self._process.send(encode(message))
            except (OSError, TransportError):
                return

    def wake(self) -> None:
        """Have the one who reads the inbox look up."""
        self.inbox.put({"t": "wake"})

    def let_go(self) -> None:
        """Renew no more, and hang up."""
        self._over.set()
        with self._sending:
            self._quietly(self._process.close_stdin)

    def kill(self) -> None:
        """End a supervisor that does not answer; nobody waits long for a node that is cut off."""
        signal_it = partial(self._process.signal, "KILL")
        killing = threading.Thread(target=self._quietly, args=(signal_it,), daemon=True)
        killing.start()
        killing.join(_KILL_WITHIN_S)

    def _take(self, stream: Stream, line: str) -> None:
        if stream == "stdout" and line.startswith("{"):
            self.inbox.put(json.loads(line))
        else:
            self._stderr.append(line)

    def _renew(self) -> None:
        while not self._over.wait(RENEW_EVERY_S):
            self.send({"t": "lease"})

    def _wait(self) -> None:
        code: int | None = None
        try:
            code = self._process.wait()
        except TransportError as error:
            self._stderr.append(str(error))
        self.inbox.put({"t": "exited", "exit_code": code, "words": self._stderr[-10:]})
        self.exited.set()

    @staticmethod
    def _quietly(call: Callable[[], None]) -> None:
        try:
            call()
        except (OSError, TransportError):
            return

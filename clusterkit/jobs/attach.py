"""Hear a job from its beginning, as its owner heard it, and go on until it ends."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Sequence

from clusterkit import events
from clusterkit.errors import Interrupted, TransportError
from clusterkit.jobs.job import JobEnd, JobNode
from clusterkit.jobs.owner import Message
from clusterkit.jobs.records import find_job, follow_command, list_jobs
from clusterkit.jobs.run import as_events, ended, look_after, tell_leftovers
from clusterkit.payloads.job_protocol import OPEN_STATES
from clusterkit.transports.base import Transport

Transports = Callable[[str], Transport]


class Attached:
    """One job that is heard again. ``now_s`` is when what is heard happened, not when we hear it.

    Both are seconds since 1970, by the clock of the head.
    """

    def __init__(self, job: str, nodes: Sequence[JobNode], transports: Transports) -> None:
        self._job, self._nodes, self._transports = job, tuple(nodes), transports
        self._began_s: float | None = None
        self.now_s = 0.0

    def until_end(self, sink: events.Sink) -> JobEnd:
        """Tell ``sink`` what happened and what happens; then look at every node.

        Raises:
            Interrupted: After Ctrl-C: the job goes on.
            TransportError: If the head cannot be reached; the job goes on without us.
        """
        try:
            end = self._follow(sink)
        except KeyboardInterrupt:
            raise Interrupted(
                f"job {self._job} goes on. Fix: `clusterkit attach {self._job}` follows it again, "
                f"`clusterkit stop {self._job}` ends it"
            ) from None
        nodes = self._nodes
        seen = look_after(self._job, end, nodes, self._transports)
        if end["outcome"] == "died":
            end = self._end_of_dead()
        took_s = self.now_s - (self._began_s or self.now_s)
        return ended(self._job, end, seen, sink, took_s=took_s)

    def _follow(self, sink: events.Sink) -> Message:
        head = self._nodes[0]
        inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()

        def take(stream: events.Stream, line: str) -> None:
            if stream == "stdout" and line.startswith("{"):
                inbox.put(json.loads(line))

        process = self._transports(head.name).start(follow_command(head, self._job), take)
        process.close_stdin()
        try:
            while True:
                try:
                    message = inbox.get(timeout=0.2)
                except queue.Empty:
                    if process.poll() is not None and inbox.empty():
                        process.wait()
                        raise TransportError(
                            head.name,
                            f"job {self._job} could not be followed to its end, and may go on. "
                            f"Fix: see `clusterkit jobs`, then `clusterkit attach {self._job}`",
                        ) from None
                    continue
                if message["t"] == "died":
                    return {"outcome": "died"}
                self._hear(message, sink)
                if message["t"] == "end":
                    tell_leftovers(message, sink)
                    return message
        finally:
            process.signal("TERM")

    def _hear(self, message: Message, sink: events.Sink) -> None:
        self.now_s = message["at"]
        if self._began_s is None:
            self._began_s = self.now_s
        for event in as_events(message):
            sink(event)

    def _end_of_dead(self) -> Message:
        """The end of a job whose supervisor was killed: the look at the nodes wrote it down."""
        row = find_job(self._job, list_jobs(self._nodes, self._transports))
        outcome = "lost" if row.state in (*OPEN_STATES, "died") else row.state
        return {"outcome": outcome, "message": row.message, "cause": row.cause, "ranks": ()}

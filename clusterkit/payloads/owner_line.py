"""Who owns the job: the controller, while it renews its lease; or the supervisor alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from clusterkit.payloads.job_protocol import LEASE_TTL_S, Channel, Message
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.processes import leave_streams

# The owner reads slower than ranks write: beyond this, their output goes to the logs only.
_DROP_OUTPUT_ABOVE_BYTES = 1 << 26


class OwnerLine:
    """Hears the controller's orders on stdin, and tells it what happens on stdout.

    ``on_gone(why)`` is called when it hung up or its lease lapsed, unless the job is detached.
    What is told is also given to ``keep``.
    """

    def __init__(
        self,
        loop: Loop,
        on_order: Callable[[Message], None],
        on_gone: Callable[[str], None],
        *,
        is_detached: bool = False,
    ) -> None:
        self._on_order, self._on_gone = on_order, on_gone
        self._renewed = time.monotonic()
        self._is_detached = is_detached
        self._channel: Channel | None = None
        if not is_detached:
            self._channel = Channel(loop, 0, 1, self._take, lambda: self._gone("it hung up"))
        self.keep: Callable[[Message], None] = _nowhere

    def tell(self, message: Message) -> None:
        """Tell the owner, and whoever attaches later; output that it cannot take is only kept."""
        self.keep(message)
        if self._channel is None:
            return
        too_much = self._channel.backlog_bytes >= _DROP_OUTPUT_ABOVE_BYTES
        if message["t"] != "output" or not too_much:
            self._channel.send(message)

    def answer(self, message: Message) -> None:
        """Tell the owner alone."""
        if self._channel is not None:
            self._channel.send(message)

    def check(self) -> None:
        """Notice a lease that lapsed."""
        if time.monotonic() - self._renewed > LEASE_TTL_S:
            self._gone("its lease lapsed")

    def detach(self, errors: Path) -> None:
        """Need no controller from now on; what Python says of a fault of ours goes to a file."""
        if self._channel is None:
            return
        self._is_detached = True  # it may hang up as soon as it knows
        self.answer({"t": "detached"})
        self.flush()
        self._channel.close()
        self._channel = None
        leave_streams()
        log = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 2)
        os.close(log)

    def flush(self) -> None:
        """Have it hear the last words, for as long as it may be silent."""
        if self._channel is not None:
            self._channel.flush(LEASE_TTL_S)

    def _take(self, message: Message) -> None:
        if message["t"] == "lease":
            self._renewed = time.monotonic()
            self.answer({"t": "alive"})
        else:
            self._on_order(message)

    def _gone(self, how: str) -> None:
        if not self._is_detached:
            self._on_gone(f"the controller is gone: {how}")


def _nowhere(_message: Message) -> None:
    """Until there is a job, nothing is written."""

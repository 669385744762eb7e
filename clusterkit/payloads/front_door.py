"""The supervisor's socket in the job's folder: daemons for mpirun, and requests from elsewhere."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from clusterkit.payloads.job_protocol import Channel, Message
from clusterkit.payloads.loop import Loop

NAME = "supervisor.sock"


class FrontDoor:
    """Takes one request for each connection; those that asked to stop wait for the end.

    ``daemon_wanted(key, node, line)`` returns why there can be none, or None. ``stop_wanted`` is
    told whether it must be ``now``: ranks get no time to end.
    """

    def __init__(
        self,
        loop: Loop,
        daemon_wanted: Callable[[int, str, str], str | None],
        stop_wanted: Callable[..., None],
        seen: Callable[[], Message],
    ) -> None:
        self._loop = loop
        self._daemon_wanted, self._stop_wanted, self._seen = daemon_wanted, stop_wanted, seen
        self._daemons: dict[int, Channel] = {}
        self._stoppers: list[Channel] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(NAME)
        self._listener.listen(512)
        loop.on_readable(self._listener.fileno(), self._accept)

    def daemon_ended(self, key: int, exit_code: int) -> None:
        """Let mpirun know, as ssh would."""
        channel = self._daemons.pop(key, None)
        if channel is not None:
            channel.send({"exit_code": exit_code if exit_code >= 0 else 128 - exit_code})

    def close(self, end: Message) -> None:
        """Tell those who wait how the job ended."""
        for channel in self._stoppers:
            channel.send(end)
            channel.flush(0.5)
        self._loop.forget(self._listener.fileno())
        self._listener.close()

    def _accept(self) -> None:
        fd = self._listener.accept()[0].detach()
        box: list[Channel] = []

        def take(message: Message) -> None:
            self._take(box[0], message)

        box.append(Channel(self._loop, fd, os.dup(fd), take, lambda: box[0].close()))

    def _take(self, channel: Channel, request: Message) -> None:
        if request["t"] == "stop":
            self._stoppers.append(channel)
            self._stop_wanted(now=request.get("now", False))
            return
        if request["t"] == "look":
            channel.send(self._seen())
            return
        key = len(self._daemons) + 1
        self._daemons[key] = channel
        refusal = self._daemon_wanted(key, request["node"], request["line"])
        if refusal is not None:
            self.daemon_ended(key, 255)

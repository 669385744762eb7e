"""Let every node try to reach every other, all at once."""

from __future__ import annotations

import json
import queue
import secrets
import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from clusterkit.checks.doctor.seen import Blocked, Reach
from clusterkit.command import Command
from clusterkit.errors import ClusterkitError
from clusterkit.events import Stream
from clusterkit.executor import on_each
from clusterkit.model.cluster import Node
from clusterkit.tasks.base import Facts
from clusterkit.transports.base import Process
from clusterkit.transports.world import World

CONNECT_WITHIN_S = 3.0
_STARTS_WITHIN_S = 30.0
_ENDS_WITHIN_S = 60.0


def reach_command(node: Node, python: str, token: str) -> Command:
    """Start the payload alone: it needs nothing of clusterkit on the node."""
    source = files("clusterkit.payloads").joinpath("reach.py").read_text()
    return Command((python, "-I", "-c", source, str(node.address), token))


def reach_all(nodes: Sequence[Node], facts: Facts, world: World) -> Mapping[str, Reach]:
    """What each node could reach.

    Every node listens before the first one connects, and listens on until all have tried.
    """
    tokens = {node.name: f"{node.name} {secrets.token_hex(8)}" for node in nodes}
    by_name = {node.name: node for node in nodes}
    runs = {
        name: _Run(world, name, reach_command(node, facts[name].python, tokens[name]))
        for name, node in by_name.items()
    }

    def end_all() -> None:
        on_each(runs, lambda name: runs[name].end())

    try:
        doors = on_each(runs, lambda name: runs[name].start(), end_all)
        peers = [
            {
                "name": name,
                "address": by_name[name].address,
                "port": door["port"],
                "token": tokens[name],
                "sshd_port": by_name[name].ssh_port,
            }
            for name, door in doors.items()
            if isinstance(door, dict)
        ]

        def tell(name: str) -> dict[str, Any]:
            return runs[name].tell([peer for peer in peers if peer["name"] != name])

        started = [name for name, door in doors.items() if isinstance(door, dict)]
        answers = on_each(started, tell, end_all)
        return {name: _reach(doors[name], answers.get(name)) for name in runs}
    finally:
        end_all()


class _Run:
    """The payload on one node, from its first line to its end."""

    def __init__(self, world: World, node: str, command: Command) -> None:
        self._world, self._node, self._command = world, node, command
        self._lines: queue.Queue[str] = queue.Queue()
        self._said: list[str] = []
        self._process: Process | None = None

    def start(self) -> dict[str, Any]:
        """Start it; its port, or why there is none."""

        def take(stream: Stream, line: str) -> None:
            (self._lines.put if stream == "stdout" else self._said.append)(line)

        self._process = self._world.transport(self._node).start(self._command, take)
        return self._line(_STARTS_WITHIN_S)

    def tell(self, peers: list[dict[str, Any]]) -> dict[str, Any]:
        """Name the peers; what it could not reach."""
        assert self._process is not None  # noqa: S101 - it was started
        order = {"peers": peers, "timeout_s": CONNECT_WITHIN_S}
        self._process.send(json.dumps(order).encode() + b"\n")
        return self._line(_ENDS_WITHIN_S)

    def end(self) -> None:
        """Let it go; it listens until here."""
        if self._process is not None:
            self._process.close_stdin()
            try:
                self._process.wait(2.0)
            except TimeoutError:
                self._process.signal("KILL")

    def _line(self, within_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + within_s
        assert self._process is not None  # noqa: S101 - it was started
        while time.monotonic() < deadline:
            try:
                line = self._lines.get(timeout=0.1)
            except queue.Empty:
                if self._process.poll() is not None and self._lines.empty():
                    break
                continue
            try:
                found = json.loads(line)
            except ValueError:  # what a login prints
                continue
            if isinstance(found, dict):
                return found
        raise ClusterkitError("; ".join(self._said[-2:]) or "the program there did not answer")


def _reach(
    door: Mapping[str, Any] | ClusterkitError, answer: Mapping[str, Any] | ClusterkitError | None
) -> Reach:
    """One node's part, typed."""
    if isinstance(door, ClusterkitError):
        return Reach(error=str(door))
    if answer is None or isinstance(answer, ClusterkitError):
        return Reach(no_port=door["error"], error=str(answer or "not asked"))
    return Reach(
        tried=answer["tried"],
        blocked=tuple(Blocked(**row) for row in answer["blocked"]),
        no_port=door["error"],
    )

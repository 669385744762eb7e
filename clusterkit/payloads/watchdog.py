"""Watch over the ranks of a job from outside: who lives, and whether anything goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from clusterkit.payloads import causes, reasons
from clusterkit.payloads.agent_link import AgentLink
from clusterkit.payloads.causes import Cause
from clusterkit.payloads.frames import innermost
from clusterkit.payloads.job_protocol import Message
from clusterkit.payloads.loop import Loop

# Of agents that were asked for traces; then the job ends without those that did not come.
_TRACES_WITHIN_S = 6.0


class Watchdog:
    """Hears each second from every node which of its ranks live, and how.

    When no rank has written anything for ``limit_s``, it has the agents write a stack trace of
    every rank into its log, and calls ``stalled(message, cause)`` with where they hang.
    """

    def __init__(
        self,
        loop: Loop,
        limit_s: float | None,
        links: Callable[[], Iterable[AgentLink]],
        stalled: Callable[[str, Cause], None],
    ) -> None:
        self._loop, self._limit_s = loop, limit_s
        self._links, self._stalled = links, stalled
        self._progress_at: float | None = None
        self._ranks: dict[int, Message] = {}
        self._awaited: set[str] = set()
        self._said: dict[int, list[str]] = {}
        self._why: dict[int, str] = {}
        self._nodes: dict[int, str] = {}
        self.is_tracing = False

    def began(self) -> None:
        """The ranks have their programs: from now on something is to be heard."""
        self._progress_at = time.monotonic()

    def heard(self, link: AgentLink, message: Message) -> None:
        """Take any message of an agent."""
        kind = message["t"]
        if kind == "alive":
            for number, process in message.get("ranks", {}).items():
                self._ranks[int(number)] = {"process": process, "at": time.monotonic()}
                self._nodes[int(number)] = link.name
        elif kind in ("output", "answer"):
            if self.is_tracing:
                self._said.setdefault(message["rank"], []).extend(message["lines"])
                self._nodes[message["rank"]] = link.name
            self._progress_at = time.monotonic()
        elif kind == "rank-started":
            self._progress_at = time.monotonic()
        elif kind == "traced":
            self._why.update({int(rank): why for rank, why in message["ranks"].items()})
            self._nodes.update({int(rank): link.name for rank in message["ranks"]})
            self._awaited.discard(link.name)
            # what the ranks still had to say is on its way
            if not self._awaited:
                self._loop.after(0.1, self._tell)

    def check(self) -> None:
        """Ask for traces where nothing has gone on for too long."""
        if self._limit_s is None or self._progress_at is None or self.is_tracing:
            return
        if time.monotonic() - self._progress_at > self._limit_s:
            self.is_tracing = True
            for link in self._links():
                if link.alive:
                    self._awaited.add(link.name)
                    link.channel.send({"t": "trace"})
            self._loop.after(_TRACES_WITHIN_S, self._tell)

    def seen(self) -> Message:
        """When each node and each rank was last heard of, in seconds before now."""
        now = time.monotonic()
        nodes = {link.name: round(link.silent_s, 1) for link in self._links() if link.alive}
        ranks: dict[str, Any] = {
            str(rank): {"process": each["process"], "seen_s": round(now - each["at"], 1)}
            for rank, each in self._ranks.items()
        }
        return {"t": "seen", "nodes": nodes, "ranks": ranks}

    def _tell(self) -> None:
        """End the job, with the innermost frames of each rank that hangs."""
        where = {link.name for link in self._links()}
        hanging: dict[int, tuple[str, ...]] = {}
        for rank in sorted({*self._ranks, *self._said, *self._why}):
            frames = innermost(self._said.get(rank, ()))
            why = self._why.get(rank)
            if frames or why:
                hanging[rank] = frames or (f"no trace: {why}",)
        late = sorted(self._awaited & where)
        message = reasons.stalled(self._limit_s or 0.0, hanging, late, self._nodes)
        only = next(iter(hanging)) if len(hanging) == 1 else None
        node = None if only is None else self._nodes[only]
        self._stalled(message, causes.cause("stalled", node=node, rank=only))

"""End a job in order: ranks, launcher, agents, what is left on the head; then say how it ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from clusterkit.payloads.agent_link import AgentLink
from clusterkit.payloads.job_protocol import Message
from clusterkit.payloads.launcher import Launcher
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.processes import reap, signal_group
from clusterkit.payloads.sweep import clean, sweep
from clusterkit.payloads.sweep_lost import SweepLost

_RANKS_LATE_S = 1.5
_AGENTS_LATE_S = 4.0


class JobEnding:
    """The steps from a reason to an end; ``ended`` is called when nothing more can be done.

    Of a job that is detached, nodes that lost their agent are swept as well: nobody else does.
    """

    def __init__(
        self,
        loop: Loop,
        job: Message,
        agents: list[AgentLink],
        launcher: Launcher,
        ended: Callable[[], None],
        *,
        is_detached: bool,
    ) -> None:
        self._loop, self._job, self._agents = loop, job, agents
        self._launcher, self._ended = launcher, ended
        self._is_detached = is_detached
        self._sweeping: SweepLost | None = None
        self._finishing = self._done = False

    def stop_ranks(self, grace_s: float) -> None:
        """Have every agent end its ranks; go on when they have, or when they are late."""
        for link in self._reachable():
            link.channel.send({"t": "stop", "grace_s": grace_s})
        self._loop.after(grace_s + _RANKS_LATE_S, self.finish)
        self.look()

    def look(self) -> None:
        """Go on as far as the agents are."""
        if not self._finishing and all(link.stopped for link in self._reachable()):
            self.finish()
        elif self._finishing and not any(link.alive for link in self._agents):
            if self._is_detached and self._sweeping is None:
                lost = [link for link in self._agents[1:] if not link.gone]
                self._sweeping = SweepLost(self._loop, self._job, lost, self.look)
            if self._sweeping is None or self._sweeping.is_done:
                self._end()

    def finish(self) -> None:
        """End the launcher and its daemons, and have the agents end and leave."""
        if self._finishing:
            return
        self._finishing = True
        self._launcher.kill()
        for link in self._agents:
            if link.alive:
                link.channel.send({"t": "finish"})
        self._loop.after(_AGENTS_LATE_S, self._end)
        self.look()

    def _reachable(self) -> list[AgentLink]:
        return [link for link in self._agents if link.alive and link.ready]

    def _end(self) -> None:
        """Sweep the head, and hand over what was found that should not have been there."""
        if self._done:
            return
        self._done = True
        if self._sweeping is not None:
            self._sweeping.give_up()
        for link in self._agents:
            link.channel.close()
            signal_group(link.pid, signal.SIGKILL)
        head = Path(self._job["nodes"][0]["folder"])
        os.chdir("/")
        found, left = sweep(self._job["id"], descendants=True)
        reap()
        clean(str(head), keep_records=True)
        self._agents[0].found += found
        self._agents[0].left += left
        self._agents[0].gone = True
        self._ended()

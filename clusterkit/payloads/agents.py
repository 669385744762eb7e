"""The agents of a job, one on each node: started with the job or ahead of it, and kept alive."""

from __future__ import annotations

import signal
from collections.abc import Callable

from clusterkit.payloads.agent_link import AgentLink, first_order
from clusterkit.payloads.job_protocol import Message
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.processes import signal_group


class Agents:
    """The links to all nodes, by name and in their order: the head's is the first.

    ``on_lost(link, why)`` is called once for each agent that there is no more, or never was.
    """

    def __init__(
        self,
        loop: Loop,
        on_message: Callable[[AgentLink, Message], None],
        on_lost: Callable[[AgentLink, str], None],
    ) -> None:
        self._loop, self._on_message, self._on_lost = loop, on_message, on_lost
        self.links: dict[str, AgentLink] = {}

    def start(self, message: Message) -> None:
        """Start an agent on each node of a ``prepare`` or a ``job`` that has none that lives."""
        for number, node in enumerate(message["nodes"]):
            former = self.links.get(node["name"])
            if former is not None and former.alive:
                continue
            if former is not None:
                signal_group(former.pid, signal.SIGKILL)
            config = message["ssh_config"] if number else None
            link = AgentLink(
                self._loop, node, message["id"], config, self._on_message, self._hung_up
            )
            self.links[node["name"]] = link
            link.channel.send({"t": "lease"})  # whose answer shows that it is there

    def order(self, job: Message) -> None:
        """Tell every agent its part of the job."""
        for number, node in enumerate(job["nodes"]):
            link = self.links[node["name"]]
            link.node = node
            link.channel.send(first_order(job, node, is_head=number == 0))

    def renew(self) -> None:
        """Renew the lease of every agent, and notice which of them have fallen silent."""
        for link in self.links.values():
            if link.alive:
                link.channel.send({"t": "lease"})
                if link.is_silent:
                    link.channel.close()
                    why = f"no heartbeat for {link.silent_s:.0f} s: cut off, paused or down"
                    self._lose(link, why)

    def _hung_up(self, link: AgentLink) -> None:
        link.channel.close()
        if link.gone:
            return
        if link.ready:
            why = "its agent ended without a word (killed?)"
        else:
            why = "its agent could not be started"
        self._lose(link, "\n".join([why, *link.said]))

    def _lose(self, link: AgentLink, why: str) -> None:
        if link.lost is None:
            link.lost = why
            self._on_lost(link, why)

"""The moment from which ranks have their programs: when every node's agent has answered."""

from __future__ import annotations

from collections.abc import Callable

from clusterkit.payloads import reasons
from clusterkit.payloads.agent_link import AgentLink
from clusterkit.payloads.job_protocol import Message


class Beginning:
    """Tells all agents to begin, and the owner that the job has started; once.

    Notes of agents are gathered until then: those that several have become one.
    """

    def __init__(
        self, job: Message, links: dict[str, AgentLink], tell: Callable[[Message], None]
    ) -> None:
        self._job, self._links, self._tell = job, links, tell
        self._notes: dict[str, list[str]] = {}
        self._begun = False

    def note(self, node: str, text: str) -> None:
        """An agent has something to say before it begins."""
        self._notes.setdefault(text, []).append(node)

    def begin_when_ready(self) -> bool:
        """Whether it began now."""
        if self._begun or not all(link.ready for link in self._links.values()):
            return False
        self._begun = True
        first = self._links[self._job["ranks"][0]["node"]]
        address = first.node["address"] or "127.0.0.1"
        env = {"MASTER_ADDR": address, "MASTER_PORT": str(first.port)}
        for link in self._links.values():
            link.channel.send({"t": "begin", "env": env})
        for text, names in self._notes.items():
            who = reasons.together(names, len(self._links))
            self._tell({"t": "note", "text": text, "node": who})
        self._tell({"t": "started", "job": self._job["id"]})
        return True

"""What ranks and launcher tell while a job runs: write it down, pass it on, and judge it."""

from __future__ import annotations

from collections.abc import Callable

from clusterkit.payloads.agent_link import AgentLink
from clusterkit.payloads.front_door import FrontDoor
from clusterkit.payloads.job_protocol import Message
from clusterkit.payloads.job_record import JobRecord
from clusterkit.payloads.owner_line import OwnerLine
from clusterkit.payloads.verdict import Verdict


class Hearing:
    """Takes what agents tell of ranks and daemons, and what the launcher says itself.

    ``look_up`` is called before a rank's end is judged: the launcher may have ended before it.
    While ``is_heeded`` says no, ends are written down and mean nothing more.
    """

    def __init__(
        self,
        record: JobRecord,
        verdict: Verdict,
        owner: OwnerLine,
        door: FrontDoor,
        look_up: Callable[[], None],
        is_heeded: Callable[[], bool],
    ) -> None:
        self._record, self._verdict, self._owner, self._door = record, verdict, owner, door
        self._look_up, self._is_heeded = look_up, is_heeded

    def take(self, link: AgentLink, message: Message) -> None:
        """Take one message of an agent."""
        kind = message["t"]
        if kind in ("output", "answer"):
            self._owner.tell(message)
        elif kind == "rank-started":
            is_last = self._record.rank_started(message["rank"], message["pid"])
            self._owner.tell({**message, "node": link.name})
            if is_last:
                self._owner.tell({"t": "running"})
        elif kind == "rank-ended":
            self._rank_ended(link, message)
        elif kind == "misplaced":
            self._verdict.rank_misplaced(link.name, message)
        elif kind == "daemon-output":
            self.launcher_said(link.name, message["lines"])
        elif kind == "daemon-ended":
            self._door.daemon_ended(message["key"], message["exit_code"])
            if self._is_heeded():
                self._verdict.daemon_ended(link.name, message["exit_code"])

    def launcher_said(self, node: str, lines: list[str]) -> None:
        """The launcher wrote something, or a daemon of it on a node."""
        self._owner.tell({"t": "launcher", "node": node, "lines": lines})
        self._verdict.launcher_said(lines)

    def _rank_ended(self, link: AgentLink, end: Message) -> None:
        rank = self._record.ranks[end["rank"]]
        faults = end.pop("faults", {})
        self._record.update_rank(end["rank"], exit_code=end["exit_code"], signal=end["signal"])
        self._owner.tell({**end, "node": link.name})
        self._look_up()
        if self._is_heeded():
            self._verdict.rank_ended(rank, told=end["told"], faults=faults)

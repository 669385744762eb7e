"""Own a job, on the head: start its agents and its launcher, watch them, say how it ended.

The owner of the job speaks on stdin and listens on stdout. When it hangs up or its lease lapses,
the job is ended, unless it was detached. Until there is a job, nothing is written: agents may be
started ahead of it, and they end with the supervisor.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from clusterkit.payloads import reasons
from clusterkit.payloads.agent_link import AgentLink
from clusterkit.payloads.agents import Agents
from clusterkit.payloads.daemon_network import pin_launcher
from clusterkit.payloads.front_door import FrontDoor
from clusterkit.payloads.job_end import JobEnding
from clusterkit.payloads.job_protocol import LEASE_TTL_S, RENEW_EVERY_S, VERSION, Channel, Message
from clusterkit.payloads.job_record import JobRecord, forget_old
from clusterkit.payloads.launcher import Launcher
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.network import network_of
from clusterkit.payloads.processes import adopt_orphans, leave_streams, reap
from clusterkit.payloads.surroundings import surroundings
from clusterkit.payloads.verdict import Verdict

_FAILURE_GRACE_S = 1.0
_ORDER_GRACE_S = 3.0
# The owner reads slower than ranks write: beyond this, their output goes to the logs only.
_DROP_OUTPUT_ABOVE_BYTES = 1 << 26


def main() -> None:
    """Supervise one job to its end."""
    adopt_orphans()
    loop = Loop()
    supervisor = Supervisor(loop)
    loop.run_until(lambda: supervisor.done)


class Supervisor:
    """One job: first its start, then what it hears, then its end."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._job: Message = {}
        self._agents = Agents(loop, self._heard_from, self._agent_lost)
        self._launcher: Launcher | None = None
        self._begun = False
        self._notes: dict[str, list[str]] = {}
        self._ending: JobEnding | None = None
        self._renewed = time.monotonic()
        self.done = False
        self._owner = Channel(loop, 0, 1, self._take, self._owner_hung_up)
        loop.on_signal(signal.SIGCHLD, self._reap)
        loop.on_signal(signal.SIGTERM, self._asked_to_end)
        for number in (signal.SIGINT, signal.SIGHUP):
            loop.on_signal(number, _ignore)
        loop.after(RENEW_EVERY_S, self._tick)

    # The start

    def _take(self, message: Message) -> None:
        kind = message["t"]
        if kind == "lease":
            self._renewed = time.monotonic()
            self._owner.send({"t": "alive"})
        elif kind == "prepare":
            self._agents.start(message)
        elif kind == "job":
            try:
                self._open(message)
            except (LookupError, ValueError, OSError) as error:
                self._owner.send({"t": "refused", "why": str(error)})
                self._owner.flush(1.0)
                self.done = True
            else:
                self._start()
        elif kind == "stop":
            self._end(message["outcome"], message["message"], grace_s=message["grace_s"])
        elif kind == "kill":
            self._end("interrupted", "interrupted twice: killed", grace_s=0.0, urgent=True)
        elif kind == "detach" and self._ending is None:
            self._detach()

    def _open(self, job: Message) -> None:
        """Make the job's folder, with its record and its socket."""
        if job["version"] != VERSION:
            raise ValueError(f"the controller speaks version {job['version']}, not {VERSION}")
        self._head = job["nodes"][0]["name"]
        address = job["nodes"][0]["address"]
        self._interface = network_of(job["subnet"], address, os.environ).interface
        self._folder = Path(job["nodes"][0]["folder"])
        for folder in (self._folder, self._folder / "logs", self._folder / "tmp"):
            folder.mkdir(parents=folder == self._folder, mode=0o700)
        os.chdir(self._folder)
        forget_old(self._folder.parent)
        self._record = JobRecord(self._folder, job)
        self._record.save()
        self._verdict = Verdict(self._loop, self._head, self._record, self._end)
        self._door = FrontDoor(self._loop, self._daemon_wanted, self._stop_wanted)
        self._job = job

    def _start(self) -> None:
        job = self._job
        self._agents.start(job)
        self._agents.order(job)
        self._start_launcher()
        self._loop.after(job["start_timeout_s"], self._start_timed_out)
        if job["timeout_s"] is not None:
            self._loop.after(job["timeout_s"], self._timed_out)

    def _start_launcher(self) -> None:
        job = self._job
        env = surroundings(job["id"], str(self._folder), job["nodes"][0]["python"])
        argv = pin_launcher(job["launch"]["argv"], self._interface, os.environ)
        launch = {**job["launch"], "argv": argv}
        self._launcher = Launcher(
            self._loop, launch, env, lambda lines: self._launcher_said(self._head, lines)
        )

    # What is heard while it runs

    def _heard_from(self, link: AgentLink, message: Message) -> None:
        link.heard()
        kind = message["t"]
        if kind in ("output", "answer"):
            self._record.log(f"rank-{message['rank']}", message["stream"], message["lines"])
            if kind == "answer" or self._owner.backlog_bytes < _DROP_OUTPUT_ABOVE_BYTES:
                self._owner.send(message)
        elif kind == "ready":
            link.ready = True
            link.stopped = self._ending is not None  # too late to be told: it has begun nothing
            self._look_at_end()
            link.port = message["port"]
            self._verdict.hosts[message["host"]] = link.name
            self._begin_when_ready()
        elif kind == "rank-started":
            self._record.update_rank(message["rank"], pid=message["pid"])
            self._owner.send({**message, "node": link.name})
        elif kind == "rank-ended":
            self._rank_ended(link, message)
        elif kind == "note":
            self._notes.setdefault(message["text"], []).append(link.name)
        elif kind == "misplaced":
            self._verdict.rank_misplaced(link.name, message)
        elif kind == "refused":
            self._end("failed", f"{link.name}: {message['why']}")
        elif kind == "daemon-output":
            self._launcher_said(link.name, message["lines"])
        elif kind == "daemon-ended":
            self._door.daemon_ended(message["key"], message["exit_code"])
            self._verdict.daemon_ended(link.name, message["exit_code"])
        elif kind == "stopped":
            link.stopped = True
            self._look_at_end()
        elif kind == "gone":
            link.gone = True
            link.found, link.left = message["found"], message["left"]
            self._look_at_end()

    def _begin_when_ready(self) -> None:
        links = self._agents.links
        if self._begun or self._ending or not all(link.ready for link in links.values()):
            return
        self._begun = True
        first = links[self._job["ranks"][0]["node"]]
        address = first.node["address"] or "127.0.0.1"
        env = {"MASTER_ADDR": address, "MASTER_PORT": str(first.port)}
        for link in links.values():
            link.channel.send({"t": "begin", "env": env})
        for text, names in self._notes.items():
            who = reasons.together(names, len(links))
            self._owner.send({"t": "note", "text": text, "node": who})
        self._owner.send({"t": "started", "job": self._job["id"]})

    def _rank_ended(self, link: AgentLink, end: Message) -> None:
        rank = self._record.ranks[end["rank"]]
        self._record.update_rank(end["rank"], exit_code=end["exit_code"], signal=end["signal"])
        self._owner.send({**end, "node": link.name})
        self._reap()  # had the launcher been killed, its ranks would have gone with it
        self._verdict.rank_ended(rank, told=end["told"])

    def _launcher_said(self, node: str, lines: list[str]) -> None:
        self._record.log("launcher", "stdout", lines)
        self._owner.send({"t": "launcher", "node": node, "lines": lines})
        self._verdict.launcher_said(lines)

    def _agent_lost(self, link: AgentLink, why: str) -> None:
        if self._job:  # else the node gets another agent with the job
            self._owner.send({"t": "node-lost", "node": link.name, "why": why})
            self._end("lost", f"{link.name}: {why}")
            self._look_at_end()

    def _daemon_wanted(self, key: int, node: str, line: str) -> str | None:
        """Mpirun wants a daemon on a node: its agent runs it, as soon as it is there."""
        link = self._agents.links.get(node)
        if link is None:
            return f"mpirun asks for a daemon on {node}, which is no node of this job"
        link.channel.send({"t": "daemon", "key": key, "line": line})
        return None

    # Time, and the owner

    def _tick(self) -> None:
        if self._ending is None and time.monotonic() - self._renewed > LEASE_TTL_S:
            self._end("lost", "the controller is gone: its lease lapsed")
        self._agents.renew()
        if self._job:
            self._record.save()
        self._loop.after(RENEW_EVERY_S, self._tick)

    def _detach(self) -> None:
        """Own the job ourselves from now on: its lease never lapses."""
        self._renewed = float("inf")
        self._owner.send({"t": "detached"})
        self._owner.flush(2.0)
        self._owner.close()
        leave_streams()

    def _owner_hung_up(self) -> None:
        self._end("lost", "the controller is gone: it hung up")

    def _asked_to_end(self) -> None:
        self._end("stopped", "the supervisor was asked to end (SIGTERM)", grace_s=_ORDER_GRACE_S)

    def _stop_wanted(self) -> None:
        self._end("stopped", "stopped from elsewhere", grace_s=_ORDER_GRACE_S)

    def _timed_out(self) -> None:
        ranks = self._record.ranks.values()
        running = [rank["rank"] for rank in ranks if rank["exit_code"] is rank["signal"] is None]
        self._end("timed-out", reasons.timed_out(self._job["timeout_s"], running))

    def _start_timed_out(self) -> None:
        ranks = self._record.ranks.values()
        missing = [rank["rank"] for rank in ranks if rank["pid"] is None]
        if missing:
            subnet = self._job["subnet"] if len(missing) == len(ranks) else None
            limit_s = self._job["start_timeout_s"]
            self._end("failed", reasons.not_started(self._head, missing, limit_s, subnet))

    def _reap(self) -> None:
        for pid, code in reap():
            if self._launcher is not None and pid == self._launcher.pid:
                self._launcher.ended(code)
                self._verdict.launcher_ended(code)
            else:
                self._look_at_end()

    # The end

    def _end(
        self,
        outcome: str,
        message: str,
        *,
        grace_s: float = _FAILURE_GRACE_S,
        urgent: bool = False,
    ) -> None:
        """Begin to end the job, for the first reason that was given; ``urgent`` hastens an end."""
        if self._launcher is None:
            self.done = True
        elif self._ending is None:
            self._outcome, self._message = outcome, message
            links = list(self._agents.links.values())
            self._ending = JobEnding(self._loop, self._job, links, self._launcher, self._ended)
            if outcome == "done":
                self._ending.finish()
            else:
                self._ending.stop_ranks(grace_s)
        elif urgent:
            self._ending.finish()

    def _look_at_end(self) -> None:
        if self._ending is not None:
            self._ending.look()

    def _ended(self) -> None:
        """Write down how it ended, and tell everyone who wants to know."""
        ranks = [
            {key: rank[key] for key in ("rank", "node", "exit_code", "signal")}
            for rank in self._record.ranks.values()
        ]
        found = {link.name: link.found for link in self._agents.links.values()}
        end: Message = {"t": "end", "outcome": self._outcome, "message": self._message}
        end.update(ranks=ranks, found=found)
        self._record.save(state=self._outcome, message=self._message, ended_at=time.time())
        self._record.close()
        self._door.close(end)
        self._owner.send(end)
        self._owner.flush(2.0)
        self.done = True


def _ignore() -> None:
    """The owner decides when the job ends."""

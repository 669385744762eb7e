"""Own a job, on the head: start its agents and its launcher, watch them, say how it ended.

The owner of the job speaks on stdin and listens on stdout. When it hangs up or its lease lapses,
the job is ended, unless it was detached: then the job is the supervisor's own. Until there is a
job, nothing is written: agents may be started ahead of it, and they end with the supervisor.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from clusterkit.payloads import causes
from clusterkit.payloads.agent_link import AgentLink
from clusterkit.payloads.agents import Agents
from clusterkit.payloads.beginning import Beginning
from clusterkit.payloads.causes import Cause
from clusterkit.payloads.daemon_network import pin_launcher
from clusterkit.payloads.front_door import FrontDoor
from clusterkit.payloads.hearing import Hearing
from clusterkit.payloads.job_end import JobEnding
from clusterkit.payloads.job_protocol import RENEW_EVERY_S, VERSION, Message
from clusterkit.payloads.job_record import JobRecord
from clusterkit.payloads.launcher import Launcher
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.network import network_of
from clusterkit.payloads.old_jobs import forget_old
from clusterkit.payloads.owner_line import OwnerLine
from clusterkit.payloads.processes import adopt_orphans, reap
from clusterkit.payloads.restart import begin_anew, carried, may_restart
from clusterkit.payloads.surroundings import surroundings
from clusterkit.payloads.time_limits import TimeLimits
from clusterkit.payloads.verdict import Verdict
from clusterkit.payloads.watchdog import Watchdog

_FAILURE_GRACE_S = 1.0


def main() -> None:
    """Supervise one job to its end."""
    adopt_orphans()
    loop = Loop()
    before = carried(sys.argv[1:])
    supervisor = Supervisor(loop, is_detached=before is not None)
    if before is not None:
        supervisor.go_on(*before)
    loop.run_until(lambda: supervisor.done)


class Supervisor:
    """One job: first its start, then what it hears, then its end."""

    def __init__(self, loop: Loop, *, is_detached: bool = False) -> None:
        self._loop = loop
        self._job: Message = {}
        self._agents = Agents(loop, self._heard_from, self._agent_lost)
        self._launcher: Launcher | None = None
        self._ending: JobEnding | None = None
        self.done = False
        self._owner = OwnerLine(loop, self._ordered, self._owner_gone, is_detached=is_detached)
        loop.on_signal(signal.SIGCHLD, self._reap)
        loop.on_signal(signal.SIGTERM, self._asked_to_end)
        for number in (signal.SIGINT, signal.SIGHUP):
            loop.on_signal(number, _ignore)
        loop.after(RENEW_EVERY_S, self._tick)

    # The start

    def go_on(self, job: Message, state: Message) -> None:
        """Make the next attempt of a job that has failed before."""
        self._open(job, state)
        self._start()

    def _ordered(self, message: Message) -> None:
        kind = message["t"]
        if kind == "prepare":
            self._agents.start(message)
        elif kind == "job":
            try:
                self._open(message)
            except (LookupError, ValueError, OSError) as error:
                why = causes.refusal(error)
                self._owner.answer({"t": "refused", "why": why})
                self._owner.flush()
                self.done = True
            else:
                self._start()
        elif kind == "detach" and self._ending is None:
            self._record.save(owner="supervisor")
            self._owner.detach(self._folder / "logs" / "supervisor.err")
        elif kind == "stop":
            by = causes.cause(message["outcome"])
            self._end(message["outcome"], message["message"], by, grace_s=message["grace_s"])
        elif kind == "kill":
            words, by = "interrupted twice: killed", causes.cause("interrupted")
            self._end("interrupted", words, by, grace_s=0.0, urgent=True)

    def _open(self, job: Message, before: Message | None = None) -> None:
        """Make the job's folder, record and socket; ``before`` is the state of former attempts."""
        if job["version"] != VERSION:
            raise ValueError(f"the controller speaks version {job['version']}, not {VERSION}")
        self._head = job["nodes"][0]["name"]
        address = job["nodes"][0]["address"]
        self._interface = network_of(job["subnet"], address, os.environ).interface
        self._folder = Path(job["nodes"][0]["folder"])
        for folder in (self._folder, self._folder / "logs", self._folder / "tmp"):
            folder.mkdir(parents=folder == self._folder, mode=0o700, exist_ok=before is not None)
        os.chdir(self._folder)
        forget_old(self._folder.parent)
        self._record = JobRecord(self._folder, job, before)
        self._record.save()
        if before is None:
            self._record.ask(job["asked"])
        self._owner.keep = self._record.keep
        self._verdict = Verdict(self._loop, self._head, self._record, self._end)
        self._watchdog = Watchdog(
            self._loop, job["stall_timeout_s"], self._agents.links.values, self._stalled
        )
        self._door = FrontDoor(
            self._loop, self._daemon_wanted, self._stop_wanted, self._watchdog.seen
        )
        self._hearing = Hearing(
            self._record, self._verdict, self._owner, self._door, self._reap, self._is_heeded
        )
        self._beginning = Beginning(job, self._agents.links, self._owner.tell)
        self._job = job

    def _start(self) -> None:
        job = self._job
        self._agents.start(job)
        self._agents.order(job)
        self._start_launcher()
        TimeLimits(self._loop, job, self._record, self._end)

    def _start_launcher(self) -> None:
        job = self._job
        env = surroundings(job["id"], str(self._folder), job["nodes"][0]["python"])
        argv = pin_launcher(job["launch"]["argv"], self._interface, os.environ)
        launch = {**job["launch"], "argv": argv}
        self._launcher = Launcher(
            self._loop, launch, env, lambda lines: self._hearing.launcher_said(self._head, lines)
        )

    # What is heard while it runs

    def _heard_from(self, link: AgentLink, message: Message) -> None:
        link.heard()
        kind = message["t"]
        if not self._job:  # it waits for it, as we do
            return
        self._watchdog.heard(link, message)
        if kind == "ready":
            link.ready = True
            link.stopped = self._ending is not None  # too late to be told: it has begun nothing
            self._look_at_end()
            link.port = message["port"]
            self._verdict.hosts[message["host"]] = link.name
            if self._ending is None and self._beginning.begin_when_ready():
                self._watchdog.began()
        elif kind == "note":
            self._beginning.note(link.name, message["text"])
        elif kind == "refused":
            by = causes.cause("refused", node=link.name)
            self._end("failed", f"{link.name}: {message['why']}", by)
        elif kind == "stopped":
            link.stopped = True
            self._look_at_end()
        elif kind == "gone":
            link.gone = True
            link.found, link.left = message["found"], message["left"]
            self._look_at_end()
        else:
            self._hearing.take(link, message)

    def _agent_lost(self, link: AgentLink, why: str) -> None:
        if self._job:  # else the node gets another agent with the job
            self._owner.tell({"t": "node-lost", "node": link.name, "why": why})
            self._end("lost", f"{link.name}: {why}", causes.cause("node-lost", node=link.name))
            self._look_at_end()

    def _daemon_wanted(self, key: int, node: str, line: str) -> str | None:
        """Mpirun wants a daemon on a node: its agent runs it, as soon as it is there."""
        link = self._agents.links.get(node)
        if link is None:
            return f"mpirun asks for a daemon on {node}, which is no node of this job"
        link.channel.send({"t": "daemon", "key": key, "line": line})
        return None

    def _is_heeded(self) -> bool:
        """Whether the end of a rank or a daemon is news: not of those that we trace or end."""
        return self._ending is None and not self._watchdog.is_tracing

    # Time, and the owner

    def _tick(self) -> None:
        if self._ending is None:
            self._owner.check()
        self._agents.renew()
        if self._job and self._ending is None:
            self._watchdog.check()
            self._record.save()
            if self._record.problem:
                by = causes.cause("disk", node=self._head)
                self._end("failed", f"{self._head}: {self._record.problem}", by)
        self._loop.after(RENEW_EVERY_S, self._tick)

    def _owner_gone(self, why: str) -> None:
        self._end("lost", why, causes.cause("controller-lost"))

    def _asked_to_end(self) -> None:
        self._stop("the supervisor was asked to end (SIGTERM)")

    def _stop_wanted(self, *, now: bool) -> None:
        self._stop("stopped from elsewhere", now=now)

    def _stop(self, words: str, *, now: bool = False) -> None:
        grace_s = 0.0 if now else self._job.get("grace_s", 0.0)
        self._end("stopped", words, causes.cause("stopped"), grace_s=grace_s, urgent=now)

    def _stalled(self, message: str, cause: Cause) -> None:
        self._end("stalled", message, cause)

    def _reap(self) -> None:
        for pid, code in reap():
            if self._launcher is not None and pid == self._launcher.pid:
                self._launcher.ended(code)
                if self._is_heeded():
                    self._verdict.launcher_ended(code)
            else:
                self._look_at_end()

    # The end

    def _end(
        self,
        outcome: str,
        message: str,
        cause: Cause,
        *,
        grace_s: float = _FAILURE_GRACE_S,
        urgent: bool = False,
    ) -> None:
        """Begin to end the job, for the first reason that was given; ``urgent`` hastens an end."""
        if self._launcher is None:
            self.done = True
        elif self._ending is None:
            self._outcome = outcome
            self._record.save(state="stopping", message=message, cause=cause)
            links = list(self._agents.links.values())
            is_detached = self._record.state["owner"] == "supervisor"
            self._ending = JobEnding(
                self._loop, self._job, links, self._launcher, self._ended, is_detached=is_detached
            )
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
        if may_restart(self._record.state, self._job, self._outcome, self._agents.links.values()):
            self._owner.tell(self._record.attempt_ended(self._outcome, self._job["restarts"]))
            self._record.close()
            self._door.close({"t": "restarting"})
            begin_anew(self._job, self._record.state)
        end = self._record.end(self._outcome)
        end["found"] = {link.name: link.found for link in self._agents.links.values()}
        self._owner.tell(end)
        self._record.save(state=self._outcome, ended_at=time.time())
        self._record.close()
        self._door.close(end)
        self._owner.flush()
        self.done = True


def _ignore() -> None:
    """The owner decides when the job ends."""

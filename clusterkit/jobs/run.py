"""Run a job: own it while it runs, tell what happens, and look for yourself how it ended."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Sequence
from typing import Any

from clusterkit import events
from clusterkit.jobs.interrupt import Interrupt
from clusterkit.jobs.job import EXIT_CODES, Job, JobEnd, JobNode, Outcome, RankEnd
from clusterkit.jobs.look import Seen, leftovers, look_everywhere
from clusterkit.jobs.owner import Message, Owner
from clusterkit.jobs.prepared import Prepared
from clusterkit.payloads.causes import cause
from clusterkit.payloads.job_protocol import LEASE_TTL_S
from clusterkit.transports.base import Transport

_SUPERVISOR_SILENT_S = LEASE_TTL_S + 1.0
# Of a supervisor that was asked to end: its own steps take no longer, after the ranks' grace.
_END_WITHIN_S = 9.0
_KILL_WITHIN_S = 2.0
# Of the last look; a node that is known to be lost will not answer anyway.
_PATIENCE_S = 8.0
_PATIENCE_WITH_LOST_S = 4.0

DetachWhen = Callable[[events.Event], bool]
"""Says of an event whether the job may be left alone after it."""


def run_job(
    job: Job,
    transports: Callable[[str], Transport],
    sink: events.Sink,
    interrupt: Interrupt,
    *,
    waiting: Prepared | None = None,
    detach_when: DetachWhen | None = None,
) -> JobEnd:
    """Run ``job`` to its end. Whatever happens, afterwards every node is swept and looked at.

    With ``detach_when`` only until an event of which that says so: then the supervisor owns the
    job, and it goes on without us (outcome ``detached``).

    The supervisor that is ``waiting`` runs it, if it was started for such a job; else a new one.
    Pressing ``interrupt`` once ends the job in order, twice at once.

    Raises:
        TransportError: If the head cannot be reached, so that nothing has started.
    """
    started = time.monotonic()
    owner = waiting.take(job) if waiting else None
    if owner is None:
        owner = Owner(job.preparation, transports(job.head.name))
    owner.begin(job)
    interrupt.on_press(owner.wake)
    try:
        end = _Watch(job, owner, sink, interrupt, detach_when).until_end()
    except BaseException:
        owner.let_go()
        look_everywhere(job.id, job.nodes, transports)
        raise
    finally:
        interrupt.on_press(None)
        owner.let_go()
    if end["outcome"] == "detached":
        return JobEnd(job.id, "detached", end["message"], 0, ranks=())
    seen = look_after(job.id, end, job.nodes, transports)
    return ended(job.id, end, seen, sink, took_s=time.monotonic() - started)


def look_after(
    job: str, end: Message, nodes: Sequence[JobNode], transports: Callable[[str], Transport]
) -> tuple[Seen, ...]:
    """Look at every node after the end of a job; not long where one is lost anyway."""
    patience_s = _PATIENCE_WITH_LOST_S if end["outcome"] == "lost" else _PATIENCE_S
    in_order = end["outcome"] == "done"
    return look_everywhere(job, nodes, transports, patience_s=patience_s, in_order=in_order)


def ended(
    job: str, end: Message, seen: Sequence[Seen], sink: events.Sink, *, took_s: float
) -> JobEnd:
    """The end as the supervisor told it, with what the nodes looked like after it."""
    for node in seen:
        for process in node.found:
            sink(events.Note(f"ended what the job had left behind: {process}", node.node))
    left = leftovers(seen)
    outcome: Outcome = end["outcome"]
    code = EXIT_CODES[outcome]
    if any(node.left for node in seen) or (left and code == 0):
        code = 1  # also after Ctrl-C: what is seen to be left says more than why it ended
    message = "\n".join([end["message"], *left])
    ranks = tuple(RankEnd(**rank) for rank in end["ranks"])
    return JobEnd(job, outcome, message, code, ranks, left, end.get("cause"), took_s)


class _Watch:
    """Follows one job from the supervisor's first message to its last."""

    def __init__(
        self,
        job: Job,
        owner: Owner,
        sink: events.Sink,
        interrupt: Interrupt,
        detach_when: DetachWhen | None,
    ) -> None:
        self._job, self._owner, self._sink, self._interrupt = job, owner, sink, interrupt
        self._detach_when = detach_when
        self._asked = 0
        self._give_up_at = float("inf")
        self._heard_at = time.monotonic()

    def until_end(self) -> Message:
        """The supervisor's last message, or ours about a supervisor that sent none."""
        while True:
            self._ask()
            try:
                message = self._owner.inbox.get(timeout=0.5)
            except queue.Empty:
                if (end := self._end_of_silence()) is not None:
                    return end
                continue
            match message["t"]:
                case "end":
                    tell_leftovers(message, self._sink)
                    return message
                case "detached":
                    return self._end("detached", "runs on")
                case "exited":
                    return self._end_without_a_word(message)
                case "refused":
                    words = f"{self._job.head.name}: {message['why']}"
                    return self._end("failed", words, "refused")
                case "wake":
                    continue
                case _:
                    self._heard_at = time.monotonic()
                    for event in as_events(message):
                        self._sink(event)
                        if self._detach_when and not self._asked and self._detach_when(event):
                            self._detach_when = None
                            self._owner.send({"t": "detach"})

    def _ask(self) -> None:
        """Pass on what the user wants."""
        pressed = min(self._interrupt.count, 2)
        if pressed > self._asked:
            self._asked = pressed
            if pressed == 1:
                self._owner.send(
                    {
                        "t": "stop",
                        "outcome": "interrupted",
                        "message": "interrupted",
                        "grace_s": self._job.grace_s,
                    }
                )
                self._give_up_at = time.monotonic() + self._job.grace_s + _END_WITHIN_S
            else:
                self._owner.send({"t": "kill"})
                self._give_up_at = time.monotonic() + _KILL_WITHIN_S

    def _end_of_silence(self) -> Message | None:
        """The end of a job whose supervisor does not answer, once it is time to give it up."""
        head, now = self._job.head.name, time.monotonic()
        silent_s = now - self._heard_at
        if now < self._give_up_at and silent_s < _SUPERVISOR_SILENT_S:
            return None
        self._owner.kill()
        if self._asked:
            return self._end(
                "interrupted",
                f"interrupted; the supervisor on {head} did not end in time",
                "interrupted",
            )
        silence = f"has not answered for {silent_s:.0f} s: cut off, paused or down"
        why = f"the supervisor on {head} {silence}"
        self._sink(events.NodeLost(head, why))
        return self._end("lost", why, "node-lost")

    def _end_without_a_word(self, exited: Message) -> Message:
        """The end of a job whose supervisor is gone."""
        head, code = self._job.head.name, exited["exit_code"]
        if self._asked:
            return self._end("interrupted", "interrupted", "interrupted")
        if code is None:
            why = f"the connection to {head} was lost"
        elif code == 137:
            why = f"the supervisor on {head} ended without a word (killed?)"
        else:
            why = f"the supervisor on {head} ended with {code}"
        return self._end("lost", "\n".join([why, *exited["words"]]), "supervisor-lost")

    def _end(self, outcome: Outcome, message: str, kind: str | None = None) -> Message:
        ranks = [{"rank": rank.rank, "node": rank.node} for rank in self._job.placement.ranks]
        why = cause(kind, node=self._job.head.name) if kind else None
        return {"outcome": outcome, "message": message, "cause": why, "ranks": ranks}


def tell_leftovers(end: Message, sink: events.Sink) -> None:
    """Of a job that went well, the processes that its ranks had left behind."""
    if end["outcome"] != "done":
        return
    for node, processes in end["found"].items():
        for process in processes:
            sink(events.Note(f"ended what a rank had left behind: {process}", node))


def as_events(message: Message) -> list[events.Event]:
    """What a message of the supervisor tells the user."""
    match message:
        case {"t": "started"}:
            return [events.JobStarted(message["job"])]
        case {"t": "running"}:
            return [events.JobRunning()]
        case {"t": "restarting", "job": job, "attempt": number, "of": total, "why": why}:
            return [events.JobRestarted(job, number, total, why)]
        case {"t": "rank-started", "rank": rank, "node": node, "pid": pid}:
            return [events.RankStarted(rank, node, pid)]
        case {"t": "output", "rank": rank, "stream": stream, "lines": lines}:
            return [events.RankOutput(rank, stream, line) for line in lines]
        case {"t": "answer", "rank": rank, "lines": lines}:
            return [_answer(rank, line) for line in lines]
        case {"t": "launcher", "node": node, "lines": lines}:
            return [events.LauncherOutput(node, line) for line in lines]
        case {"t": "rank-ended", "rank": rank, "node": node, "exit_code": code, "signal": signal}:
            return [events.RankEnded(rank, node, code, signal)]
        case {"t": "node-lost", "node": node, "why": why}:
            return [events.NodeLost(node, why)]
        case {"t": "note", "text": text}:
            return [events.Note(text, message.get("node"))]
    return []


def _answer(rank: int, line: str) -> events.Event:
    try:
        data: Any = json.loads(line)
    except ValueError:
        data = None
    if isinstance(data, dict):
        return events.RankAnswer(rank, data)
    return events.Note(f"rank {rank} answered what is no JSON object: {line[:200]}")

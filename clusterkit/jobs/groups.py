"""Jobs that belong together: the leader has the name of all, and the others end in ``-r0`` ….

``serve-7f3a2c`` leads ``serve-7f3a2c-r0`` and ``serve-7f3a2c-r1``.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from clusterkit.events import Sink
from clusterkit.jobs.interrupt import Interrupt
from clusterkit.jobs.job import Job, JobEnd
from clusterkit.jobs.run import DetachWhen, run_job
from clusterkit.transports.base import Transport

_MEMBER = re.compile(r"(.+-[0-9a-f]{6})-r\d+")


def member_id(leader: str, number: int) -> str:
    """The name of a job that belongs to ``leader``."""
    return f"{leader}-r{number}"


def leader_of(job: str) -> str:
    """The name of all jobs with which one belongs together: its own where it is alone."""
    found = _MEMBER.fullmatch(job)
    return found[1] if found else job


def members_of(leader: str, jobs: Iterable[str]) -> tuple[str, ...]:
    """Those of ``jobs`` that belong to ``leader``, itself among them."""
    return tuple(job for job in jobs if leader_of(job) == leader)


@dataclass(frozen=True, slots=True)
class Member:
    """One job of a group: who listens to it, and when it may be left alone."""

    job: Job
    sink: Sink
    detach_when: DetachWhen | None = None


Ended = Callable[[Job, JobEnd | BaseException], bool]
"""Hears how each job ended; says whether all the others must end as well."""


def run_group(
    members: Sequence[Member],
    transports: Callable[[str], Transport],
    interrupt: Interrupt,
    ended: Ended,
) -> dict[str, JobEnd | BaseException]:
    """Run several jobs at once, each to its own end, or until it was left alone.

    ``interrupt`` is for all of them. How each ended, or what was raised instead.
    """
    ends: dict[str, JobEnd | BaseException] = {}
    inbox: queue.SimpleQueue[tuple[Job, JobEnd | BaseException]] = queue.SimpleQueue()
    own = [Interrupt() for _ in members]

    def press() -> None:
        for each in own:
            each.press()

    def run(member: Member, interrupted: Interrupt) -> None:
        try:
            end: JobEnd | BaseException = run_job(
                member.job, transports, member.sink, interrupted, detach_when=member.detach_when
            )
        except BaseException as error:  # who waits for all of them must hear of it
            end = error
        inbox.put((member.job, end))

    interrupt.on_press(press)
    try:
        for member, interrupted in zip(members, own, strict=True):
            threading.Thread(target=run, args=(member, interrupted), daemon=True).start()
        is_ending = False
        while len(ends) < len(members):
            try:
                job, end = inbox.get(timeout=0.5)  # so that signals are heard
            except queue.Empty:
                continue
            ends[job.id] = end
            if ended(job, end) and not is_ending:
                is_ending = True
                press()
    finally:
        interrupt.on_press(None)
    return ends

"""A job that runs while a test does things to it, and what the test sees of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from clusterkit import events
from clusterkit.jobs import Interrupt, Job, JobEnd, run_job
from clusterkit.transports.base import Transport

T = TypeVar("T")


class RunningJob:
    """`run_job` in a thread, its events in a list."""

    def __init__(self, job: Job, transports: Callable[[str], Transport]) -> None:
        self.job = job
        self.interrupt = Interrupt()
        self.events: list[events.Event] = []
        self.end: JobEnd | None = None
        self._thread = threading.Thread(target=self._run, args=(transports,), daemon=True)
        self._thread.start()

    def _run(self, transports: Callable[[str], Transport]) -> None:
        self.end = run_job(self.job, transports, self.events.append, self.interrupt)

    def until_all_say(self, text: str) -> None:
        """Wait until every rank wrote ``text``."""
        ranks = {rank.rank for rank in self.job.placement.ranks}
        within(30, lambda: self.saying(text) >= ranks or self.end is not None)
        assert self.end is None, self.end

    def saying(self, text: str) -> set[int]:
        return {
            event.rank
            for event in tuple(self.events)
            if isinstance(event, events.RankOutput) and text in event.text
        }

    def until_end(self, timeout_s: float = 40) -> JobEnd:
        self._thread.join(timeout_s)
        assert self.end is not None, "the job did not end"
        return self.end

    def answers(self) -> list[events.RankAnswer]:
        found = [event for event in self.events if isinstance(event, events.RankAnswer)]
        return sorted(found, key=lambda answer: answer.rank)


def within(seconds: float, look: Callable[[], T]) -> T:
    """What ``look`` returns, once that is true."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"not so within {seconds} s: {seen!r}"
        time.sleep(0.02)


def local_processes(job: str) -> dict[int, str]:
    """The processes of a job on this machine, with their command lines."""
    mark = f"CLUSTERKIT_JOB={job}".encode()
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark in (folder / "environ").read_bytes().split(b"\0"):
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if words:
                    found[int(folder.name)] = words
        except OSError:
            continue
    return found


def kill_local(job: str, word: str, number: int = signal.SIGKILL) -> None:
    """Signal the one process of a job whose command line has ``word``; of several the first."""
    pids = [pid for pid, words in local_processes(job).items() if word in words]
    assert pids, (word, local_processes(job))
    os.kill(min(pids), number)

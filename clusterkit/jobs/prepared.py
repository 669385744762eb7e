"""Start a job's supervisor and agents while the controller still looks at the nodes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from clusterkit.jobs.job import Job, Preparation
from clusterkit.jobs.owner import Owner
from clusterkit.transports.base import Transport

_END_WITHIN_S = 1.0
# Agents on other nodes take the longest; what begins at once with the supervisor slows it down.
_HEAD_START_S = 0.15

Transports = Callable[[str], Transport]


@contextmanager
def prepared(known: Preparation | None, transports: Transports) -> Iterator[Prepared | None]:
    """Have a supervisor and its agents wait for a job, and end if none comes.

    They write nothing, and no error of theirs is told: what begins without them tells its own.
    """
    if known is None:
        yield None
        return
    waiting = Prepared(known, transports)
    try:
        yield waiting
    finally:
        waiting.let_go()


class Prepared:
    """A supervisor that was started in the background, and waits for its job."""

    def __init__(self, known: Preparation, transports: Transports) -> None:
        self._known = known
        self._owner: Future[Owner] = Future()
        self._is_taken = False
        threading.Thread(target=self._start, args=(transports,), daemon=True).start()
        with contextlib.suppress(TimeoutError):
            self._owner.exception(_HEAD_START_S)

    def take(self, job: Job) -> Owner | None:
        """The owner of the job; None if this supervisor is none for it, or is gone."""
        fits = self._known == job.preparation
        if fits and self._owner.exception() is None and not self._owner.result().exited.is_set():
            self._is_taken = True
            return self._owner.result()
        self._owner.add_done_callback(_let_go)
        return None

    def let_go(self) -> None:
        """Have it end, also where it is only just starting, unless a job has taken it."""
        if self._is_taken:
            return
        self._owner.add_done_callback(_let_go)
        with contextlib.suppress(Exception):  # it did not start, or not yet
            self._owner.result(_END_WITHIN_S).exited.wait(_END_WITHIN_S)

    def _start(self, transports: Transports) -> None:
        try:
            self._owner.set_result(Owner(self._known, transports(self._known.head.name)))
        except Exception as error:
            self._owner.set_exception(error)


def _let_go(owner: Future[Owner]) -> None:
    if owner.exception() is None:
        owner.result().let_go()

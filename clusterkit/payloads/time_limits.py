"""End a job whose ranks did not start in time, or did not end in time."""

from __future__ import annotations

import time
from collections.abc import Callable

from clusterkit.payloads import causes, reasons
from clusterkit.payloads.causes import Cause
from clusterkit.payloads.job_protocol import Message
from clusterkit.payloads.job_record import JobRecord
from clusterkit.payloads.loop import Loop


class TimeLimits:
    """Calls ``end(outcome, message, cause)`` when one is over; ``timeout_s`` is of the whole."""

    def __init__(
        self, loop: Loop, job: Message, record: JobRecord, end: Callable[[str, str, Cause], None]
    ) -> None:
        self._job, self._record, self._end = job, record, end
        loop.after(job["start_timeout_s"], self._start_timed_out)
        if job["timeout_s"] is not None:
            so_far_s = time.time() - record.state["started_at"]
            loop.after(max(0.0, job["timeout_s"] - so_far_s), self._timed_out)

    def _timed_out(self) -> None:
        ranks = self._record.ranks.values()
        running = [rank["rank"] for rank in ranks if rank["exit_code"] is rank["signal"] is None]
        words = reasons.timed_out(self._job["timeout_s"], running)
        self._end("timed-out", words, causes.cause("timed-out"))

    def _start_timed_out(self) -> None:
        ranks = self._record.ranks.values()
        missing = [rank["rank"] for rank in ranks if rank["pid"] is None]
        if missing:
            head = self._job["nodes"][0]["name"]
            subnet = self._job["subnet"] if len(missing) == len(ranks) else None
            words = reasons.not_started(head, missing, self._job["start_timeout_s"], subnet)
            self._end("failed", words, causes.cause("not-started", node=head))

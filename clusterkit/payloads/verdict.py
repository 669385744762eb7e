"""Decide when a job has ended, and of all that is heard at its end, what was the cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clusterkit.payloads import causes, reasons
from clusterkit.payloads.causes import Cause
from clusterkit.payloads.job_protocol import Message
from clusterkit.payloads.job_record import JobRecord
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.processes import signal_name

_LAUNCHER_LATE_S = 5.0
# One cause is heard as several ends, in any order: the words of the deepest one are kept.
_LISTEN_S = 0.3
_REFUSED = "refused an option"
_DAEMON, _WRAPPER, _TOLD_RANK, _LAUNCHER = range(4)


class Verdict:
    """Hears of every end within a job; ``end(outcome, message, cause)`` is for the job's own."""

    def __init__(
        self, loop: Loop, head: str, record: JobRecord, end: Callable[[str, str, Cause], None]
    ) -> None:
        self._loop, self._head, self._record, self._end = loop, head, record, end
        self._suspects: list[tuple[int, str, Cause]] = []
        self._launcher_code: int | None = None
        self._refused = False
        self.hosts: dict[str, str] = {}
        """The names that the nodes have for themselves, and those of the cluster."""

    def rank_ended(
        self, rank: dict[str, Any], *, told: bool, faults: dict[str, Any] | None = None
    ) -> None:
        """A rank's program ended; ``told``: somebody had asked it to.

        ``faults`` are what befell its node, as :class:`NodeFaults` tells it.
        """
        if rank["exit_code"] == 0:
            self._check_done()
            return
        kind = causes.kind_of_fault(faults or {})
        words = reasons.rank_ended(rank, self._record.tail(f"rank-{rank['rank']}"), faults or {})
        cause = causes.of_rank(rank, kind)
        if rank["exit_code"] is None and rank["signal"] is None:
            self._suspect(_WRAPPER, words, cause)
        elif told:
            self._suspect(_TOLD_RANK, words, cause)
        else:
            self._end("failed", words, cause)

    def rank_misplaced(self, node: str, hello: Message) -> None:
        """A rank came up elsewhere than planned."""
        ranks = self._record.ranks
        planned = ranks.get(hello["rank"])
        words = reasons.misplaced(hello, node, planned, len(ranks))
        self._end("failed", words, causes.cause("misplaced", node=node, rank=hello["rank"]))

    def launcher_ended(self, code: int) -> None:
        """The launcher mpirun is gone."""
        self._launcher_code = code
        if code < 0:
            self._end_launcher(reasons.how_code(code), code)
            return
        how = f"{reasons.how_code(code)} before its ranks had ended"
        if code:
            self._suspect(_LAUNCHER, self.of_launcher(how), self._cause(self._head, code))
        elif not self._check_done():  # the news of the last ranks are on their way
            self._loop.after(_LAUNCHER_LATE_S, lambda: self._end_launcher(how, code))

    def launcher_said(self, lines: list[str]) -> None:
        """Open MPI calls it a warning when an option is wrong, and goes on without it."""
        if any(reasons.REFUSAL in line for line in lines):
            self._refused = True
            self._loop.after(0.1, self._end_refused)  # what it was follows in the same paragraph

    def daemon_ended(self, node: str, code: int) -> None:
        """A daemon of the launcher is gone; with 0 it had been told to."""
        if code:
            how = f"lost its daemon on {node}, which {reasons.how_code(code)}"
            cause = self._cause(node, code)
            self._loop.after(0.1, lambda: self._suspect(_DAEMON, self.of_launcher(how), cause))

    def _end_refused(self) -> None:
        said = self._record.tail("launcher")
        words = reasons.refused(said, self.hosts) or self.of_launcher(_REFUSED)
        self._end("failed", words, causes.cause("launcher", node=self._head))

    def _end_launcher(self, how: str, code: int) -> None:
        self._end("failed", self.of_launcher(how), self._cause(self._head, code))

    def _cause(self, node: str, code: int) -> Cause:
        return causes.of_code("launcher", node, code, signal_name(code))

    def of_launcher(self, how: str) -> str:
        """What became of the launcher, with its last words."""
        return reasons.launcher(self._head, how, self._record.tail("launcher"))

    def _check_done(self) -> bool:
        if any(rank["exit_code"] != 0 for rank in self._record.ranks.values()):
            return False
        if self._launcher_code == 0 and self._refused:
            self._end_refused()
        elif self._launcher_code == 0:
            self._end("done", "done", None)
        else:  # it ends now, unless it hangs
            self._loop.after(_LAUNCHER_LATE_S, lambda: self._end("done", "done", None))
        return True

    def _suspect(self, depth: int, message: str, cause: Cause) -> None:
        if not self._suspects:
            self._loop.after(_LISTEN_S, self._decide)
        self._suspects.append((depth, message, cause))

    def _decide(self) -> None:
        deepest = min(self._suspects, key=lambda suspect: suspect[0])
        self._end("failed", deepest[1], deepest[2])

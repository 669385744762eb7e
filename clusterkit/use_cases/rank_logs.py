"""What the ranks of a job wrote, kept while it runs, to explain how it failed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from clusterkit.events import Event, LauncherOutput, RankEnded, RankOutput

Explain = Callable[[str], str | None]
"""Cause and fix from a log, if they are known."""

_LINES = 2000
_LAUNCHER = -1


class RankLogs:
    """Listens to a job, and remembers the end of each log, and who failed in what order."""

    def __init__(self) -> None:
        self._lines: dict[int, deque[str]] = {}
        self._failed: list[int] = []

    def __call__(self, event: Event) -> None:
        """Take one event of the job."""
        match event:
            case RankOutput(rank, _, text):
                self._keep(rank, text)
            case LauncherOutput(_, text):
                self._keep(_LAUNCHER, text)
            case RankEnded(rank, _, exit_code) if exit_code != 0:
                self._failed.append(rank)
            case _:
                pass

    def explained(self, explain: Explain) -> str | None:
        """Cause and fix, from the log of the rank that failed first, if it tells them.

        Else from the launcher's, which knows why ranks did not start, and then from those of the
        ranks that failed later, which may be the cause all the same: ends come in any order.
        """
        first, later = self._failed[:1], self._failed[1:]
        for who in (*first, _LAUNCHER, *later):
            if (log := self._lines.get(who)) and (known := explain("\n".join(log))):
                return known
        return None

    def _keep(self, who: int, text: str) -> None:
        self._lines.setdefault(who, deque(maxlen=_LINES)).append(text)

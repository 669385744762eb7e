"""What the ranks of a script wrote, kept while it runs, or while it is heard again."""

from __future__ import annotations

import re
from pathlib import Path

from clusterkit.errors import JobFailed
from clusterkit.events import Event, JobRestarted, RankOutput, Sink
from clusterkit.executor.kept import Kept, Spool
from clusterkit.placement import Placement
from clusterkit.results.run import RunRank
from clusterkit.use_cases.rank_logs import RankLogs

_NO_MODULE = re.compile(r"^ModuleNotFoundError: No module named '(\w+)", re.MULTILINE)


class RunHeard:
    """Passes a job's events on, and keeps what each rank wrote."""

    def __init__(self, placement: Placement, sink: Sink) -> None:
        self._placement = placement
        self._sink = sink
        self._kept = self._empty()
        self._logs = RankLogs()

    def __call__(self, event: Event) -> None:
        """Take one event of the job."""
        if isinstance(event, JobRestarted):
            self._kept, self._logs = self._empty(), RankLogs()
        if isinstance(event, RankOutput):
            line = f"{event.text}\n".encode("utf-8", "surrogateescape")
            self._kept[event.rank].take(event.stream, line)
        self._logs(event)
        self._sink(event)

    def _empty(self) -> list[Kept]:
        spool = Spool()
        return [Kept(spool) for _ in self._placement.ranks]

    def ranks(self) -> tuple[RunRank, ...]:
        """Each rank and its output."""
        return tuple(
            RunRank(
                rank=place.rank,
                node=place.node,
                local_rank=place.local_rank,
                device=place.device,
                stdout=kept.output("stdout"),
                stderr=kept.output("stderr"),
            )
            for place, kept in zip(self._placement.ranks, self._kept, strict=True)
        )

    def explained(self, error: JobFailed, script: Path) -> JobFailed:
        """The error, with what to do where a module lies beside the script and stayed here."""

        def explain(log: str) -> str | None:
            for name in _NO_MODULE.findall(log):
                beside = script.with_name(f"{name}.py")
                if beside.is_file():
                    return f"Fix: let the module travel too: `--file {beside}`"
            return None

        what, found, _ = str(error).rpartition("\nFix: ")
        known = self._logs.explained(explain) if found else None
        if known is None:
            return error
        return JobFailed(f"{what}\n{known}", exit_code=error.exit_code, cause=error.cause)

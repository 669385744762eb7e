"""What every node does now, kept from events: values only, nothing is drawn here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from clusterkit.events import (
    Event,
    NodeLost,
    NodeSettled,
    Progress,
    StageStarted,
    StepEnded,
    StepStarted,
)
from clusterkit.quantities import size
from clusterkit.report.folding import FOLD_ABOVE, fold, one_line, without

State = Literal["busy", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Row:
    """One node, or several that do the same. ``took_s`` counts from its first event."""

    node: str
    stage: str
    now: str
    state: State
    changes: int = 0
    began_s: float = 0
    took_s: float = 0


class Board:
    """One row a node, in the order in which nodes appeared. One thread at a time."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    def take(self, event: Event, now_s: float) -> None:
        """Change the rows that ``event`` is about."""
        match event:
            case StageStarted(stage, nodes):
                for node in nodes:
                    self._set(node, now_s, stage=stage, now="looking", state="busy")
            case StepStarted(step):
                self._set(
                    step.node,
                    now_s,
                    stage=step.stage,
                    now=f"{step.sign} {step.summary}",
                    state="busy",
                )
            case StepEnded(step, _, None):
                changes = self._row(step.node, now_s).changes + 1
                self._set(step.node, now_s, changes=changes, state="done")
            case StepEnded(step, _, error):
                self._set(step.node, now_s, stage=step.stage, now=error or "", state="failed")
            case NodeSettled(node, stage, summary):
                self._set(node, now_s, stage=stage, now=summary, state="done")
            case Progress(node):
                self._set(node, now_s, now=progress_text(event), state="busy")
            case NodeLost(node, why):
                self._set(node, now_s, now=why, state="failed")
            case _:
                pass

    @property
    def is_eventful(self) -> bool:
        """Whether anything was changed, or failed."""
        return any(row.changes or row.state == "failed" for row in self._rows.values())

    def rows(self, now_s: float) -> Sequence[Row]:
        """The rows as they stand; beyond FOLD_ABOVE nodes, equal ones share a row."""
        rows = [
            replace(row, took_s=now_s - row.began_s) if row.state == "busy" else row
            for row in self._rows.values()
        ]
        return rows if len(rows) <= FOLD_ABOVE else _folded(rows)

    def _row(self, node: str, now_s: float) -> Row:
        return self._rows.get(node) or Row(node, "", "", "busy", began_s=now_s)

    def _set(
        self,
        node: str,
        now_s: float,
        *,
        stage: str | None = None,
        now: str | None = None,
        state: State | None = None,
        changes: int | None = None,
    ) -> None:
        row = self._row(node, now_s)
        self._rows[node] = replace(
            row,
            stage=row.stage if stage is None else stage,
            now=row.now if now is None else one_line(now),
            state=state or row.state,
            changes=row.changes if changes is None else changes,
            took_s=now_s - row.began_s,
        )


def progress_text(progress: Progress) -> str:
    """``fetch: 4 % of 256 MiB``.

    Small totals are steps, not bytes; a small number of an unknown total says nothing.
    """
    what, done, total = progress.what, progress.done, progress.total
    if total is None:
        return what if done < 1 << 20 else f"{what}: {size(done)}"
    if total < 1024:
        return f"{what}: {done} of {total}"
    return f"{what}: {100 * done // total} % of {size(total)}"


def _folded(rows: Sequence[Row]) -> Sequence[Row]:
    """Failures first: a screen may be too low for all rows."""
    alike: dict[tuple[str, str, State], list[Row]] = {}
    for row in rows:
        alike.setdefault((row.stage, without(row.node, row.now), row.state), []).append(row)
    folded = [
        group[0]
        if len(group) == 1
        else Row(
            f"({len(group)}) {fold(row.node for row in group)}",
            stage,
            now,
            state,
            changes=sum(row.changes for row in group),
            took_s=max(row.took_s for row in group),
        )
        for (stage, now, state), group in alike.items()
    ]
    return sorted(folded, key=lambda row: ("failed", "busy", "done").index(row.state))

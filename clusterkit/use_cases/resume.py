"""``up --resume``: which ``up`` was interrupted, and what it had done."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from clusterkit.errors import UsageError
from clusterkit.events import Note, Sink
from clusterkit.quantities import counted
from clusterkit.results.plan import Resumed
from clusterkit.state import clusters
from clusterkit.state.folders import cluster_folder, state_folder
from clusterkit.state.journal import Run, digest_of, read_journal
from clusterkit.use_cases.session import Which

_NOTHING = "there is no `up` to go on with. Fix: `clusterkit up INVENTORY`"


@dataclass(frozen=True, slots=True)
class Resumable:
    """An ``up`` to go on with. ``run`` None: its journal says nothing."""

    cluster: str
    file: Path
    run: Run | None

    @property
    def told(self) -> Resumed | None:
        """What had been done."""
        run = self.run
        if run is None:
            return None
        outcome = run.outcome or "killed"
        return Resumed(
            began_at=run.began_at, outcome=outcome, applied=run.applied, unfinished=run.unfinished
        )


def resumable(which: Which) -> Resumable:
    """The ``up`` of the cluster that is named, or else the last one that was interrupted.

    One that came to its end may be gone on with as well: it looks again.

    Raises:
        UsageError: If there is none; or if the last thing was a ``down`` that was interrupted.
    """
    name = which.name or os.environ.get("CLUSTERKIT_CLUSTER") or _last()
    if name is None:
        raise UsageError(_NOTHING)
    runs = read_journal(cluster_folder(name))
    if runs and runs[-1].verb == "down":
        raise UsageError(
            f"what was interrupted last on cluster {name} was `down`. Fix: go on with "
            f"`clusterkit down -c {name}`, or make it again with `clusterkit up INVENTORY`"
        )
    ups = [run for run in runs if run.verb == "up" and run.file is not None]
    if ups and ups[-1].file is not None:
        return Resumable(name, ups[-1].file, ups[-1])
    applied = clusters.recall(name)
    if applied is None:
        raise UsageError(_NOTHING)
    return Resumable(name, applied.file, None)


def tell(found: Resumable, sink: Sink) -> None:
    """Say what had been done, and by which inventory it goes on."""
    run = found.run
    if run is None:
        sink(Note(f"the journal of cluster {found.cluster} says nothing: everything is looked at"))
        return
    began = f"going on with the `up` of {found.cluster} that began at {run.began_at}"
    sink(Note(f"{began}: {_did(run)}"))
    if run.digest != digest_of(found.file):
        sink(Note(f"{found.file} has changed since then: it counts as it is now"))


def _did(run: Run) -> str:
    if run.is_done:
        return f"it came to its end, with {counted(len(run.applied), 'step')}"
    what = [f"{counted(len(run.applied), 'step')} had been applied"]
    if run.applied:
        what.append(f"the last one `{run.applied[-1].summary}` on {run.applied[-1].node}")
    what += [f"`{step.summary}` on {step.node} had been begun" for step in run.unfinished]
    return ", ".join(what)


def _last() -> str | None:
    """The cluster of the last ``up`` that was interrupted; else the current one."""
    found: list[tuple[str, str]] = []
    for file in state_folder().glob("clusters/*/journal.jsonl"):
        runs = read_journal(file.parent)
        if runs and not runs[-1].is_done:
            found.append((runs[-1].began_at, file.parent.name))
    return max(found)[1] if found else clusters.current()

"""The journal of a cluster: which steps were begun and which were applied, one JSON line each.

It says what was done before an interruption. What is still to be done is never read from it:
every verb looks at the cluster itself. So a line that was torn, or could not be written, is left
out and harms nothing. It begins anew after a run that came to its end.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clusterkit.command import Step
from clusterkit.errors import ClusterkitError
from clusterkit.events import Event, Sink, StepEnded, StepStarted
from clusterkit.results.plan import PlannedStep
from clusterkit.state.files import make_folder

_DONE = "done"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a verb. ``outcome`` is done, failed or interrupted; None: it was killed.

    ``unfinished`` are steps that were begun and not seen to end.
    """

    verb: str
    file: Path | None
    digest: str | None
    began_at: str
    applied: tuple[PlannedStep, ...] = ()
    unfinished: tuple[PlannedStep, ...] = ()
    outcome: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether it came to its end."""
        return self.outcome == _DONE


def journal_file(folder: Path) -> Path:
    """Where the journal of a cluster is."""
    return folder / "journal.jsonl"


def digest_of(file: Path) -> str | None:
    """What tells one content of an inventory from another; None where it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


@contextmanager
def journaled(folder: Path, verb: str, sink: Sink, file: Path | None = None) -> Iterator[Sink]:
    """Write down one run of ``verb``: what it is about, its steps as they come, and its end.

    The sink that it gives hands every event on.
    """
    before = read_journal(folder)
    journal = _Journal(folder, is_new=bool(before) and before[-1].is_done)
    about = {} if file is None else {"file": str(file.absolute()), "digest": digest_of(file)}
    journal.write("begin", verb=verb, pid=os.getpid(), **about)
    try:
        yield lambda event: _note(event, journal, sink)
    except BaseException as error:
        is_failure = isinstance(error, Exception) and getattr(error, "exit_code", 1) != 130
        journal.write("end", verb=verb, outcome="failed" if is_failure else "interrupted")
        raise
    else:
        journal.write("end", verb=verb, outcome=_DONE)
    finally:
        journal.close()


def read_journal(folder: Path) -> tuple[Run, ...]:
    """The runs that are written down, the last one last; what cannot be read is left out."""
    try:
        lines = journal_file(folder).read_bytes().splitlines()
    except OSError:
        return ()
    runs: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        with suppress(ValueError, TypeError, KeyError):
            row = json.loads(line)
            runs.setdefault(row["run"], []).append(row)
    found = (_run(rows) for rows in runs.values())
    return tuple(run for run in found if run is not None)


class _Journal:
    """Appends lines, whole ones only; a file that was removed meanwhile stays so."""

    def __init__(self, folder: Path, *, is_new: bool) -> None:
        make_folder(folder)
        self._run = secrets.token_hex(4)
        self._handle: int | None = None
        how = os.O_RDWR | os.O_APPEND | os.O_CREAT | (os.O_TRUNC if is_new else 0)
        with suppress(OSError):
            self._handle = os.open(journal_file(folder), how, 0o600)
            size = os.fstat(self._handle).st_size
            if size and os.pread(self._handle, 1, size - 1) != b"\n":  # the last line is torn
                os.write(self._handle, b"\n")

    def write(self, what: str, **more: object) -> None:
        """One line, in a single write; who cannot write goes on without."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        row = {"at": at, "run": self._run, "what": what} | more
        if self._handle is not None:
            with suppress(OSError):
                os.write(self._handle, json.dumps(row).encode() + b"\n")

    def close(self) -> None:
        """Write no more."""
        if self._handle is not None:
            os.close(self._handle)


def _note(event: Event, journal: _Journal, sink: Sink) -> None:
    match event:
        case StepStarted(step):
            journal.write("step", **_row(step))
        case StepEnded(step, took_s, None):
            journal.write("applied", **_row(step), took_s=round(took_s, 3))
        case StepEnded(step, took_s, error):
            journal.write("failed", **_row(step), took_s=round(took_s, 3), error=error)
        case _:
            pass
    sink(event)


def _row(step: Step) -> dict[str, Any]:
    return PlannedStep.of(step).model_dump()


def _run(rows: list[dict[str, Any]]) -> Run | None:
    """One run of its lines; None where its beginning cannot be read."""
    try:
        first = next(row for row in rows if row["what"] == "begin")
        steps = {what: _steps(rows, what) for what in ("step", "applied", "failed")}
        ended = [*steps["applied"], *steps["failed"]]
        end = next((row["outcome"] for row in rows if row["what"] == "end"), None)
        return Run(
            verb=str(first["verb"]),
            file=Path(first["file"]) if first.get("file") else None,
            digest=first.get("digest"),
            began_at=str(first["at"]),
            applied=tuple(steps["applied"]),
            unfinished=tuple(step for step in steps["step"] if step not in ended),
            outcome=end,
        )
    except (StopIteration, KeyError, TypeError, ValueError, ClusterkitError):
        return None


def _steps(rows: list[dict[str, Any]], what: str) -> list[PlannedStep]:
    fields = PlannedStep.model_fields
    return [
        PlannedStep.model_validate({key: row[key] for key in fields})
        for row in rows
        if row["what"] == what
    ]

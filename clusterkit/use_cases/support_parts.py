"""The parts of a bundle: each looks at one thing, and may fail without the others."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from clusterkit import __version__
from clusterkit.errors import ClusterkitError
from clusterkit.events import Event
from clusterkit.model.base import Model
from clusterkit.model.jobs_options import LogsOptions
from clusterkit.model.redaction import public
from clusterkit.results.jobs import LogLine
from clusterkit.state import clusters
from clusterkit.use_cases.jobs import jobs, logs
from clusterkit.use_cases.keys_show import show
from clusterkit.use_cases.session import Session
from clusterkit.use_cases.status import status
from clusterkit.use_cases.up import plan

LOG_LINES = 4000
LOG_LINE_CHARACTERS = 2000
_PACKAGES = ("docker", "fabric", "paramiko", "pydantic", "typer", "rich", "cryptography")


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the bundle: ``collect`` returns its text, or raises why there is none."""

    name: str
    what: str
    collect: Callable[[], str]


def parts(session: Session | None, folder: Path | None) -> tuple[Part, ...]:
    """What a bundle has; without a session only what needs no cluster."""
    here = (
        Part("versions.json", "of clusterkit, Python, this machine and packages", versions),
        *(_of_state(folder) if folder is not None else ()),
    )
    if session is None:
        return here
    file = _inventory_file(session)
    return (
        *here,
        Part("status.json", "every node now, storage, model", lambda: _json(status(session))),
        Part("plan.json", "what `up` would change now", lambda: _plan(file)),
        Part("keys.json", "fingerprints, and whether they are so", lambda: _keys(session)),
        Part("jobs.json", "the jobs on file", lambda: _json(jobs(session))),
        Part("last-job.log", f"the last {LOG_LINES} lines of the last job", lambda: _log(session)),
    )


def versions() -> str:
    """This machine and what clusterkit rests on here."""
    return _dump(
        {
            "clusterkit": __version__,
            "python": sys.version,
            "platform": platform.platform(),
            "packages": {name: _version(name) for name in _PACKAGES},
            "settings": sorted(name for name in os.environ if name.startswith("CLUSTERKIT_")),
        }
    )


def _of_state(folder: Path) -> tuple[Part, ...]:
    """The record of a cluster on this machine: its files but the keys."""
    return (
        Part(
            "inventory.json", "as it was applied; values of env masked", lambda: _inventory(folder)
        ),
        Part(
            "facts.json", "of the nodes, as the last `up` saw them", lambda: _read(folder, "facts")
        ),
        Part("doctor.json", "the last result of `doctor`", lambda: _read(folder, "doctor")),
        Part("state.json", "names, sizes and times of the files kept", lambda: _listing(folder)),
    )


def _inventory(folder: Path) -> str:
    applied = json.loads((folder / "applied.json").read_bytes())
    return _dump(public(applied))


def _read(folder: Path, name: str) -> str:
    return _dump(public(json.loads((folder / f"{name}.json").read_bytes())))


def _listing(folder: Path) -> str:
    """No content: the files of keys are here by name only."""
    rows = []
    for path in sorted(folder.rglob("*")):
        seen = path.lstat()
        changed = datetime.fromtimestamp(seen.st_mtime, UTC).isoformat(timespec="seconds")
        name = str(path.relative_to(folder))
        row = {"name": name, "mode": f"{seen.st_mode & 0o7777:o}", "size": seen.st_size}
        rows.append(row | {"changed": changed})
    return _dump(rows)


def _inventory_file(session: Session) -> Path | None:
    applied = clusters.recall(session.cluster.name)
    return applied.file if applied else None


def _plan(file: Path | None) -> str:
    if file is None:
        raise ClusterkitError("the cluster was not brought up from here")
    return _json(plan(file, sink=_ignore))


def _keys(session: Session) -> str:
    return _json(show(session))


def _log(session: Session) -> str:
    """The end of the last job's log; a line that is too long is cut."""
    kept: deque[str] = deque(maxlen=LOG_LINES)

    def take(line: LogLine) -> None:
        who = "launcher" if line.rank is None else f"rank {line.rank}"
        kept.append(f"{who} {line.stream}: {line.text[:LOG_LINE_CHARACTERS]}")

    found = logs(session, LogsOptions(), take)
    return "\n".join([f"job {found.job}", *kept, ""])


def _json(result: Model) -> str:
    return _dump(public(result.model_dump(mode="json")))


def _dump(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _ignore(event: Event) -> None:
    del event

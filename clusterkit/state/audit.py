"""This machine's copy of who did what to clusters; it outlives the clusters."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from clusterkit.errors import ClusterkitError
from clusterkit.results.audit import AuditEntry
from clusterkit.state.files import make_folder
from clusterkit.state.folders import state_folder


def audit_file(cluster: str) -> Path:
    """Beside the folders of clusters, which `down` removes."""
    return state_folder() / "audit" / f"{cluster}.jsonl"


def add_line(cluster: str, line: str) -> None:
    """Append one line; who cannot write goes on without."""
    file = audit_file(cluster)
    with suppress(OSError, ClusterkitError):
        make_folder(file.parent)
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, f"{line}\n".encode())
        finally:
            os.close(handle)


def lines_here(cluster: str) -> list[str]:
    """The lines of this machine's copy."""
    try:
        return audit_file(cluster).read_text(errors="replace").splitlines()
    except OSError:
        return []


def last_recorded() -> str | None:
    """The cluster of which something was noted last."""
    files = [
        (file.stat().st_mtime, file.stem) for file in (state_folder() / "audit").glob("*.jsonl")
    ]
    return max(files)[1] if files else None


def read_entries(lines: Iterable[str]) -> list[AuditEntry]:
    """The entries that this version can read, each once, in the order of their times."""
    found: dict[str, AuditEntry] = {}
    for line in lines:
        with suppress(ValidationError):
            entry = AuditEntry.model_validate_json(line)
            found[entry.id] = entry
    return sorted(found.values(), key=lambda entry: (entry.at, entry.id))

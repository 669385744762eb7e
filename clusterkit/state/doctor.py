"""What the doctor saw last, and whether it holds jobs back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from clusterkit.state.files import write

if TYPE_CHECKING:
    from clusterkit.results.doctor import DoctorResult

_FILE = "doctor.json"


def save_verdict(folder: Path, result: DoctorResult) -> None:
    """Keep the whole result."""
    write(folder / _FILE, result.model_dump_json(indent=2).encode())


def load_verdict(folder: Path) -> DoctorResult | None:
    """The last result; None where there is none that this version can read."""
    try:
        kept = (folder / _FILE).read_bytes()
    except OSError:
        return None
    from clusterkit.results.doctor import DoctorResult  # most jobs need none

    try:
        return DoctorResult.model_validate_json(kept)
    except ValueError:
        return None

"""Former nodes that could not be cleaned yet: remembered until that was seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clusterkit.model.former import Former
from clusterkit.model.machine import Machine
from clusterkit.state.contacts import contact_of
from clusterkit.state.files import write


def former_file(folder: Path) -> Path:
    """Where they are remembered; there is none where every one was cleaned."""
    return folder / "former.json"


def save_former(folder: Path, rows: Sequence[Former]) -> None:
    """Remember exactly these."""
    if rows:
        text = json.dumps([asdict(row) for row in rows], indent=2)
        write(former_file(folder), text.encode())
    else:
        former_file(folder).unlink(missing_ok=True)


def load_former(folder: Path) -> tuple[Former, ...]:
    """Those that are remembered; none where there is nothing that this version can read."""
    try:
        rows = json.loads(former_file(folder).read_bytes())
        return tuple(_former(row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()


def _former(row: dict[str, Any]) -> Former:
    contact = contact_of(row["contact"]) if row["contact"] else None
    return Former(**{**row, "machine": Machine(**row["machine"]), "contact": contact})

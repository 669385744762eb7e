"""Which spares have taken a place, by the last ``up`` of a cluster."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from clusterkit.model.spares import Changes, StandIn
from clusterkit.state.files import write


def changes_file(folder: Path) -> Path:
    """Where they are kept; there is none where every node has its own place."""
    return folder / "spares.json"


def save_changes(folder: Path, changes: Changes) -> None:
    """Keep exactly these."""
    if changes:
        write(changes_file(folder), json.dumps(asdict(changes), indent=2).encode())
    else:
        changes_file(folder).unlink(missing_ok=True)


def load_changes(folder: Path) -> Changes:
    """What was kept; none where there is nothing that this version can read."""
    try:
        kept = json.loads(changes_file(folder).read_bytes())
        rows = tuple(StandIn(**row) for row in kept["stand_ins"])
        return Changes(rows, {str(name): str(why) for name, why in kept["left_out"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Changes()

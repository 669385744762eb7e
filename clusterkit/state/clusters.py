"""The clusters of this user: what was applied, from which file, and which one is current."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clusterkit.command import shown
from clusterkit.errors import ClusterkitError
from clusterkit.state.files import write
from clusterkit.state.folders import cluster_folder, state_folder
from clusterkit.state.lock_file import LOCK_FILE


@dataclass(frozen=True, slots=True)
class Applied:
    """What the last ``up`` of a cluster was given. ``file`` is where the inventory came from."""

    name: str
    folder: Path
    file: Path
    inventory: dict[str, Any]
    applied_at: str


def remember(name: str, file: Path, inventory: dict[str, Any]) -> Applied:
    """Keep what ``up`` applies but secrets, and make the cluster the current one."""
    applied_at = datetime.now(UTC).isoformat(timespec="seconds")
    applied = Applied(name, cluster_folder(name), file.absolute(), _public(inventory), applied_at)
    _write(applied)
    write(state_folder() / "current", f"{name}\n".encode())
    return applied


def _public(part: Any) -> Any:
    """``part`` with every ``env`` as it may be shown; only ``up`` needs more, and has the file."""
    if isinstance(part, dict):
        return {
            key: shown(value) if key == "env" and isinstance(value, dict) else _public(value)
            for key, value in part.items()
        }
    return [_public(value) for value in part] if isinstance(part, list) else part


def _write(applied: Applied) -> None:
    record = {
        "file": str(applied.file),
        "inventory": applied.inventory,
        "applied_at": applied.applied_at,
    }
    write(applied.folder / "applied.json", json.dumps(record, indent=2).encode())


def put_back(name: str, before: Applied | None, current: str | None) -> None:
    """Undo :func:`remember`: what was applied before, and which cluster was the current one."""
    if before is None:
        forget(name)
    else:
        _write(before)
    if current is not None:
        write(state_folder() / "current", f"{current}\n".encode())


def recall(name: str) -> Applied | None:
    """What was applied to a cluster; None for one that this user does not have.

    Raises:
        ClusterkitError: If the record is not one that this version wrote.
    """
    folder = cluster_folder(name)
    try:
        record = json.loads((folder / "applied.json").read_bytes())
        file = Path(record["file"])
        return Applied(name, folder, file, record["inventory"], record["applied_at"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ClusterkitError(
            f"{folder / 'applied.json'} cannot be read: this version did not write it. "
            "Fix: run `clusterkit up INVENTORY` again, which writes it anew"
        ) from error


def names() -> list[str]:
    """All clusters of this user."""
    return sorted(path.parent.name for path in state_folder().glob("clusters/*/applied.json"))


def current() -> str | None:
    """The cluster of the last ``up``, while it exists."""
    try:
        name = (state_folder() / "current").read_text().strip()
    except (FileNotFoundError, ValueError):  # ValueError: damaged; the next `up` writes it anew
        return None
    return name if name in names() else None


def forget(name: str) -> None:
    """Remove everything that is kept about a cluster, its keys included.

    A lock in its folder stays: it goes when its holder gives it back, and the folder with it.
    """
    if current() == name:
        (state_folder() / "current").unlink()
    folder = cluster_folder(name)
    for path in folder.glob("*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif not path.name.startswith(LOCK_FILE):
            path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()

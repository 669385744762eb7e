"""``sweep`` in the state folder: folders of clusters that never were, or that are gone."""

from __future__ import annotations

import time
from pathlib import Path

from clusterkit.command import HOST
from clusterkit.results.sweep import Leftover
from clusterkit.state import clusters
from clusterkit.state.folders import state_folder
from clusterkit.state.lock import new_holder
from clusterkit.state.lock_chain import Lock
from clusterkit.state.lock_file import LOCK_FILE, FileLockStore

_AGE_S = 3600.0
"""An ``up`` that has not come as far as its record may be under way, whatever its lock says."""


def look_at_states(only: str | None = None) -> tuple[Leftover, ...]:
    """Folders without a record of what was applied: no verb finds their cluster."""
    return tuple(
        Leftover(
            node=HOST,
            kind="state",
            what=str(folder),
            why="it has no record of a cluster, and nothing was written there for an hour",
            remove_with=f"rm -r {folder}",
        )
        for folder in sorted((state_folder() / "clusters").glob(only or "*"))
        if _is_abandoned(folder)
    )


def sweep_states(agreed: tuple[Leftover, ...]) -> tuple[Leftover, ...]:
    """Remove those that were agreed to and are abandoned still, each under its lock."""
    for leftover in agreed:
        folder = Path(leftover.what)
        lock = Lock(FileLockStore(folder), new_holder("sweep"))
        if _is_abandoned(folder) and lock.take() is None:
            clusters.forget(folder.name)
            lock.release()
    names = {leftover.what for leftover in agreed}
    return tuple(each for each in look_at_states() if each.what in names)


def _is_abandoned(folder: Path) -> bool:
    if not folder.is_dir() or folder.is_symlink() or (folder / "applied.json").exists():
        return False
    if is_changed_now(folder):
        return False
    try:
        written = [path.lstat().st_mtime for path in (folder, *folder.rglob("*"))]
    except OSError:  # somebody works there
        return False
    return time.time() - max(written) > _AGE_S


def is_changed_now(folder: Path) -> bool:
    """Whether somebody who is not seen to be gone has the lock of a cluster's folder."""
    if not any(folder.glob(f"{LOCK_FILE}*")):
        return False  # a look would write there, to ask the time
    seen = Lock(FileLockStore(folder), new_holder("sweep")).look()
    return seen is not None and seen.life != "dead"

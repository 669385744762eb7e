"""Folders that appear whole or not at all: work beside them, published by one rename."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

from clusterkit.payloads.model_folder import differences

LOCK = ".lock"
"""In unfinished work, held by whoever does it."""
CHECKPOINT = ".checkpoint"
"""Ends the name of a folder beside the work, which goes with it."""
_ABANDONED_S = 24 * 3600
_MOMENT_S = 60


def remove_abandoned(target: Path, source: Path) -> None:
    """Remove the work and uploads of those who were killed: nobody holds their locks any more."""
    for upload in target.parent.glob(f"{target.name}.*.upload"):
        if upload not in {source, source.parent}:
            _remove_free(upload, older_than_s=_ABANDONED_S)
    for work in target.parent.glob(f"{target.name}.*.part"):
        _remove_free(work, older_than_s=_MOMENT_S)
    for checkpoint in target.parent.glob(f"{target.name}.*.part{CHECKPOINT}"):
        if not checkpoint.with_name(checkpoint.name[: -len(CHECKPOINT)]).exists():
            shutil.rmtree(checkpoint, ignore_errors=True)


def is_held(folder: Path) -> bool | None:
    """Whether somebody works there, by its lock; None: it has no lock that we may try."""
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _remove_free(folder: Path, *, older_than_s: float) -> None:
    """Remove it if nobody holds its lock; without one, it may be that of somebody who begins."""
    try:
        lock = os.open(folder / LOCK, os.O_RDWR)
    except FileNotFoundError:
        if time.time() - folder.stat().st_mtime > older_than_s:
            remove_work(folder)
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_work(folder)
    except OSError:
        pass
    finally:
        os.close(lock)


def remove_work(work: Path) -> None:
    """Remove unfinished work: what was made for it first, so that none is left without it."""
    shutil.rmtree(f"{work}{CHECKPOINT}", ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)


def why_not_written(error: BaseException, target: Path) -> str | None:
    """What keeps a node from having ``target``, and what mends it; None: it is not its disk."""
    if isinstance(error, PermissionError):
        return f"{error.filename} cannot be written. Fix: run `clusterkit up INVENTORY` again"
    if not isinstance(error, OSError) or error.errno != errno.ENOSPC:
        return None
    more = f": {error.strerror}" if "free" in str(error.strerror) else ""
    return (
        f"no space left in {target.parent}{more}. Fix: free some there, or set another `path` "
        "in `storage`"
    )


def publish(work: Path, target: Path) -> bool:
    """Give ``work`` its name; False if another was first."""
    (work / LOCK).unlink()
    work.chmod(0o755)  # mkdtemp makes folders that only their owner reads
    for _ in range(2):
        try:
            work.rename(target)
        except OSError:
            if not differences(target, rehash=True):
                return False
            # What stands there is damaged: it makes room, and vanishes with its new name.
            aside = Path(
                tempfile.mkdtemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)
            )
            target.rename(aside / "damaged")
            shutil.rmtree(aside, ignore_errors=True)
        else:
            return True
    raise OSError(f"{target}: another one writes there again and again")

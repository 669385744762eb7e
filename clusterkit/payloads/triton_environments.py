"""The empty folders that a killed tritonserver leaves: its Python backend makes one each.

They lie in /tmp whatever TMPDIR says, and nothing in them tells whose they are. What is ours is
known by three things: a folder was made after our server began, it is empty, and no tritonserver
lives whose it could be.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from clusterkit.payloads.processes import parents, read

MARK = "tritonserver.began"
"""A file in a job's folder for its ranks: since when folders may be of its servers."""
PLACE = "/tmp"  # noqa: S108 - it is written so in the backend
"""Where they lie."""
_NAME = re.compile(r"python_env_[A-Za-z0-9]{6}")


def mark_begin(folder: Path, place: str = PLACE) -> None:
    """Write down when the first server of this node's ranks begins, by the clock of /tmp."""
    import tempfile  # which agents and sweeps need not wait for

    with tempfile.TemporaryFile(dir=place) as now:
        began = os.fstat(now.fileno()).st_mtime_ns
    try:
        with (folder / MARK).open("x", encoding="ascii") as mark:
            mark.write(str(began))
    except FileExistsError:  # another rank was here first
        return


def remove_left(folder: str, place: str = PLACE) -> None:
    """Remove what servers left that began after the mark in ``folder``; where there is one."""
    text = read(f"{folder}/{MARK}")
    if not text.isdigit() or _lives():
        return
    for entry in os.scandir(place):
        if not _NAME.fullmatch(entry.name):
            continue
        try:
            seen = entry.stat(follow_symlinks=False)
            is_own = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid()
            if is_own and seen.st_mtime_ns >= int(text):
                os.rmdir(entry.path)  # noqa: PTH106
        except OSError:  # it is not empty, or gone
            continue


def _lives() -> bool:
    """Whether a tritonserver runs that sees the same folders; those of containers do not."""
    return any(
        os.path.basename(read(f"/proc/{pid}/cmdline").partition(b"\0")[0]) == b"tritonserver"  # noqa: PTH119
        and _mounts(pid) == _mounts("self")
        for pid in parents()
    )


def _mounts(pid: object) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")  # noqa: PTH115
    except OSError:  # another user's, or gone
        return None

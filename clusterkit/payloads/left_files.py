"""Files of jobs and of unfinished work that nobody has any more: each as ``path`` and ``why``."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import time
from pathlib import Path
from typing import Collection, Iterator, NamedTuple  # noqa: UP035 - evaluated, on Python 3.8 too

from clusterkit.payloads.job_protocol import RECORDS, SHARED_MEMORY, shared_memory_of
from clusterkit.payloads.left_processes import JOB
from clusterkit.payloads.processes import read
from clusterkit.payloads.publishing import CHECKPOINT, is_held

_REGION = re.compile(rf"{shared_memory_of(f'({JOB.pattern})')}.*")
_WORK = re.compile(r".+\.[a-z0-9_]{8}\.part")
_PUSHED = ".part"
_UPLOAD = re.compile(r".+\.[0-9a-f]{8}\.upload")
_MOMENT_S = 60


class LeftFile(NamedTuple):
    """A file or folder; ``job`` is whose it was."""

    path: Path
    why: str
    job: str | None = None


def jobs_in(homes: Collection[str]) -> set[str]:
    """The jobs that have a folder in one of the clusters' folders."""
    return {folder.name for folder in _job_folders(homes)}


def job_folders(homes: Collection[str], living: Collection[str]) -> Iterator[LeftFile]:
    """Folders of jobs that are over, with more in them than the record that is kept."""
    for folder in _job_folders(homes):
        if folder.name in living or not _is_own_folder(folder):
            continue
        names = {entry.name for entry in folder.iterdir()}
        more = sorted(names - set(RECORDS) - {"state.json.swept", "state.json.new"})
        if more or "state.json" not in names:
            what = f"with {', '.join(more)}" if more else "without a record"
            yield LeftFile(folder, f"job {folder.name} is over ({what})", folder.name)


def regions(living: Collection[str], but: Collection[int] = ()) -> Iterator[LeftFile]:
    """Shared memory with the name of a job that nobody has mapped ``but`` some processes."""
    for path in _entries(Path(SHARED_MEMORY)):
        match = _REGION.fullmatch(path.name)
        if match and match.group(1) not in living and _is_own(path) and not _is_mapped(path, but):
            yield LeftFile(path, f"shared memory of job {match.group(1)}", match.group(1))


def unfinished(storages: Collection[str]) -> Iterator[LeftFile]:
    """Work of builds and pushes whose lock nobody holds; what has no lock of ours stays."""
    for storage in storages:
        for folder in (Path(storage, "models"), Path(storage, "engines")):
            for path in _entries(folder):
                if path.name.endswith(CHECKPOINT):
                    work = path.with_name(path.name[: -len(CHECKPOINT)])
                    is_work = _WORK.fullmatch(work.name) and not work.exists()
                    if is_work and _is_own_folder(path) and _is_old(path):
                        yield LeftFile(path, "the checkpoint of a build that was broken off")
                elif path.name.endswith(_PUSHED) and _is_free(path):
                    who = "build" if _WORK.fullmatch(path.name) else "push"
                    yield LeftFile(path, f"a {who} that was broken off")
                elif (
                    _UPLOAD.fullmatch(path.name)
                    and _is_own_folder(path)
                    and is_held(path) is False
                ):
                    yield LeftFile(path, "an upload that was broken off")


def remove(path: Path) -> None:
    """Remove a file, or a folder; of a job's folder with a record, all but the record."""
    if not path.is_dir():
        path.unlink()
    elif (path / "state.json").exists():
        for entry in path.iterdir():
            if entry.name not in RECORDS:
                remove(entry)
    else:
        shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(f"{path}{CHECKPOINT}", ignore_errors=True)


def _job_folders(homes: Collection[str]) -> Iterator[Path]:
    for home in homes:
        yield from (path for path in _entries(Path(home, "jobs")) if JOB.fullmatch(path.name))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _is_own(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.lstat().st_uid == os.getuid()
    return False


def _is_own_folder(path: Path) -> bool:
    """Whether it is a folder of this user's, and not a link that leads elsewhere."""
    with contextlib.suppress(OSError):
        seen = path.lstat()
        return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid()
    return False


def _is_old(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime > _MOMENT_S
    return False


def _is_free(path: Path) -> bool:
    """Whether it is work of this user's with a lock, which nobody holds."""
    return _is_own_folder(path) and is_held(path) is False


def _is_mapped(path: Path, but: Collection[int]) -> bool:
    name = str(path).encode()
    return any(
        name in read(f"/proc/{pid}/maps")
        for pid in os.listdir("/proc")  # noqa: PTH208 - pathlib costs its start 10 ms
        if pid.isdigit() and int(pid) not in but
    )

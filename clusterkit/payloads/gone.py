"""Look whether jobs and folders are gone from this node: `gone ASKED`; prints JSON, a list.

ASKED is JSON: ``jobs`` (ids) and ``folders``. Each row says ``what`` is left, and what would
remove it there.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Collection, List, NamedTuple  # noqa: UP035 - evaluated, on Python 3.8 too

from clusterkit.payloads.gpu_memory import gpu_memory
from clusterkit.payloads.job_protocol import SHARED_MEMORY, shared_memory_of
from clusterkit.payloads.left_processes import JobProcess, job_processes, ports_of, started_from
from clusterkit.payloads.mounts import mounts_in


class Left(NamedTuple):
    """One thing that should be gone."""

    what: str
    remove_with: str

    def __str__(self) -> str:
        return f"{self.what}. To remove it there: `{self.remove_with}`"


def main() -> None:
    """Look once."""
    asked = json.loads(sys.argv[1])
    jobs, folders = asked["jobs"], asked["folders"]
    rows = left_of(jobs, folders)
    rows += [_file(folder) for folder in map(Path, folders) if os.path.lexists(folder)]
    print(json.dumps([row._asdict() for row in rows]))


def left_of(
    jobs: Collection[str], folders: Collection[str], ended: Collection[int] = ()
) -> List[Left]:  # noqa: UP006
    """Processes with their ports and GPU memory, shared memory, and mounts in the folders.

    ``ended`` are pids of processes that were killed: a GPU may not have let go of their memory.
    """
    processes = job_processes(jobs) if jobs else []
    processes += [each for each in started_from(folders) if each not in processes]
    held = gpu_memory() if processes or ended else {}
    rows = [_process(each, held.pop(each.pid, None)) for each in processes]
    for pid in sorted(set(ended) & set(held)):
        what = f"{held[pid]} MiB of GPU memory of process {pid}, which was killed"
        rows.append(Left(what, "nvidia-smi --gpu-reset  # once nobody else computes there"))
    rows += [_file(path) for path in _regions(jobs)]
    return rows + [_mount(point) for point in mounts_in(folders)]


def described(process: JobProcess, gpu_mib: int | None) -> str:
    """A process, with where it listens, and the memory of GPUs that it holds."""
    ports = ports_of(process.pid)
    words = [f"listens on {', '.join(ports)}"] if ports else []
    if gpu_mib is not None:
        words.append(f"holds {gpu_mib} MiB of GPU memory" if gpu_mib else "holds GPU memory")
    return ", ".join([str(process), *words])


def _process(process: JobProcess, gpu_mib: int | None) -> Left:
    return Left(described(process, gpu_mib), f"kill -9 {process.pid}")


def _mount(point: str) -> Left:
    shown = os.fsencode(point).decode(errors="replace")
    return Left(f"mount {shown}", f"umount {shlex.quote(shown)}")


def _file(path: Path) -> Left:
    return Left(str(path), f"rm -r {shlex.quote(str(path))}")


def _regions(jobs: Collection[str]) -> List[Path]:  # noqa: UP006
    try:
        names = sorted(os.listdir(SHARED_MEMORY))  # noqa: PTH208 - it tells a missing folder too
    except OSError:
        return []
    ours = tuple(map(shared_memory_of, jobs))
    return [Path(SHARED_MEMORY, name) for name in names if name.startswith(ours)]

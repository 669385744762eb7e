"""What processes of jobs are on this node, and which of the jobs nobody keeps alive any more."""

from __future__ import annotations

import os
import re
from typing import Collection, NamedTuple  # noqa: UP035 - evaluated, on Python 3.8 too

from clusterkit.payloads.job_protocol import JOB_VARIABLE
from clusterkit.payloads.processes import ancestors, birth, parents, read
from clusterkit.payloads.sockets import listening, sockets_of

JOB = re.compile(r"[a-z][a-z-]*-[0-9a-f]{6}")
"""What an id of a job looks like; whoever else sets the variable means something else by it."""
_MARK = f"{JOB_VARIABLE}=".encode()
_KEEPERS = (("supervise",), ("agent",))  # the words after Python's options and our folder


class JobProcess(NamedTuple):
    """A living process of a job; ``is_near``: of this user, and with a pid that means it here."""

    pid: int
    born: str
    job: str
    words: tuple[str, ...]
    is_near: bool

    @property
    def is_keeper(self) -> bool:
        """Whether it is what keeps a job alive on a node: its supervisor, or an agent."""
        return is_keeper(self.words)

    def __str__(self) -> str:
        return f"{' '.join(self.words)[:200]} (pid {self.pid})"


def job_processes(jobs: Collection[str] | None = None) -> list[JobProcess]:
    """Every process with the id of a job in its environment that can be seen from here.

    Those of containers on this machine are among them: they are not near. ``jobs`` are the ids
    that are meant; None: whatever looks like one.
    """
    found = []
    for pid in _others():
        job = job_in(read(f"/proc/{pid}/environ"), jobs)
        process = _process(pid, job) if job else None
        if process:
            found.append(process)
    return found


def started_from(folders: Collection[str]) -> list[JobProcess]:
    """The near processes that run a program of one of the folders, of whatever job."""
    inside = tuple(f"{folder}/" for folder in folders)
    seen = [_process(pid, "") for pid in _others() if inside]
    return [
        each
        for each in seen
        if each and each.is_near and any(word.startswith(inside) for word in each.words[:4])
    ]


def job_in(environment: bytes, jobs: Collection[str] | None = None) -> str | None:
    """The id of the job in the environment of a process; None where there is none."""
    for variable in environment.split(b"\0"):
        if variable.startswith(_MARK):
            job = variable[len(_MARK) :].decode(errors="replace")
            is_one = JOB.fullmatch(job) if jobs is None else job in jobs
            return job if is_one else None
    return None


def _others() -> list[int]:
    """Every process but this one and its ancestors."""
    tree = parents()
    spared = ancestors(os.getpid(), tree)
    return [pid for pid in tree if pid not in spared]


def _process(pid: int, job: str) -> JobProcess | None:
    words = read(f"/proc/{pid}/cmdline")
    born = birth(pid) if words else None  # a zombie has no words
    if born is None:
        return None
    said = tuple(words.decode(errors="replace").rstrip("\0").split("\0"))
    return JobProcess(pid, born, job, said, _is_near(pid))


def is_keeper(words: tuple[str, ...]) -> bool:
    """Whether a command line is that of a supervisor or an agent of ours."""
    return any(
        words[at : at + 2] == ("-I", "-S") and words[at + 3 : at + 4] in _KEEPERS
        for at in range(len(words))
    )


def is_adrift(pid: int) -> bool:
    """Whether the folder in which a process works was removed: that of its job, for a keeper."""
    try:
        return os.readlink(f"/proc/{pid}/cwd").endswith(" (deleted)")  # noqa: PTH115
    except OSError:
        return False


def ports_of(pid: int) -> list[str]:
    """Where a process listens, such as ``0.0.0.0:8000``."""
    files = ("tcp", "tcp6")
    open_here = {
        inode: where
        for file in files
        for inode, where in listening(read(f"/proc/{pid}/net/{file}").decode()).items()
    }
    return sorted({open_here[inode] for inode in sockets_of(pid) if inode in open_here})


def _is_near(pid: int) -> bool:
    """Whether it is of this user, and among the processes that are numbered as we are."""
    try:
        is_own = os.stat(f"/proc/{pid}").st_uid == os.getuid()  # noqa: PTH116
        return is_own and os.readlink(f"/proc/{pid}/ns/pid") == os.readlink("/proc/self/ns/pid")  # noqa: PTH115
    except OSError:
        return False

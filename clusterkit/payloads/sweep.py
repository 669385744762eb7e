"""Find and end what is left of a job on this node: `sweep JOB FOLDER HEAD`; prints JSON.

A process belongs to a job if its environment says so, or if it descends from the one that looks.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from typing import NamedTuple

from clusterkit.payloads.causes import cause
from clusterkit.payloads.job_protocol import (
    JOB_VARIABLE,
    OPEN_STATES,
    RECORDS,
    SHARED_MEMORY,
    shared_memory_of,
)
from clusterkit.payloads.mounts import mounts_in
from clusterkit.payloads.processes import ancestors, parents, read, reap
from clusterkit.payloads.triton_environments import remove_left

_PATIENCE_S = 3.0
# Only the programs of ranks have it in their environment, and what they start.
_RANK_MARK = b"CLUSTERKIT_EVENTS_FD="


def main() -> None:
    """Sweep once, clean the folder, and report what was found and what could not be ended."""
    from clusterkit.payloads.gone import left_of  # an agent starts sooner without

    job, folder, is_head = sys.argv[1], sys.argv[2], sys.argv[3] == "head"
    pids = [process.pid for process in _processes_of(job, descendants=False)]
    found, _ = sweep(job)
    clean(folder, keep_records=is_head)
    if is_head:
        _close_record(f"{folder}/state.json")
    left = [str(row) for row in left_of([job], [folder], pids)]
    left += [f"{path}. To remove it there: `rm -r {path}`" for path in _not_clean(folder, is_head)]
    print(json.dumps({"found": found, "left": left}))


def sweep(job: str, *, descendants: bool = False) -> tuple[list[str], list[str]]:
    """Kill the processes of ``job`` until none is left; not this process, nor its ancestors.

    Returns what ranks had left behind, and what is still there; each ``command line (pid N)``.
    """
    found: dict[int, str] = {}
    deadline = time.monotonic() + _PATIENCE_S
    pause_s = 0.002
    while True:
        here = _processes_of(job, descendants=descendants)
        found.update({process.pid: process.name for process in here if process.is_ranks})
        if not here or time.monotonic() > deadline:
            _remove_shared_memory(job)
            return list(found.values()), [process.name for process in here]
        for process in here:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.05)
        reap()


def _remove_shared_memory(job: str) -> None:
    """Programs that were killed leave it, and nothing but its name tells whose it was."""
    try:
        names = os.listdir(SHARED_MEMORY)  # noqa: PTH208 - pathlib costs its start 10 ms
    except OSError:
        return
    for name in names:
        if name.startswith(shared_memory_of(job)):
            with contextlib.suppress(OSError):
                os.unlink(f"{SHARED_MEMORY}/{name}")  # noqa: PTH108


class _Process(NamedTuple):
    """A living process of the job. ``is_ranks``: a rank's program or of its making, not ours."""

    pid: int
    name: str
    is_ranks: bool


def _processes_of(job: str, *, descendants: bool) -> list[_Process]:
    tree = parents()
    mine = os.getpid()
    spared = ancestors(mine, tree)
    mark = f"{JOB_VARIABLE}={job}".encode()
    found = []
    for pid in tree:
        if pid in spared:
            continue
        variables = read(f"/proc/{pid}/environ").split(b"\0")
        marked = mark in variables
        if marked or (descendants and mine in ancestors(pid, tree)):
            words = read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace")
            if words:  # a zombie has none: it only waits for its parent
                is_ours = marked and not any(v.startswith(_RANK_MARK) for v in variables)
                found.append(_Process(pid, f"{words.strip()[:200]} (pid {pid})", not is_ours))
    return found


def clean(folder: str, *, keep_records: bool) -> None:
    """Remove a job's folder, or all of it but its record; not what is mounted in it.

    Before it goes, it tells what servers may have left elsewhere.
    """
    import shutil  # with its compressors; a job starts 4 ms sooner without

    remove_left(f"{folder}/run")
    mounts = mounts_in([folder])
    if not keep_records and not mounts:
        shutil.rmtree(folder, ignore_errors=True)
        return
    kept = RECORDS if keep_records else ()
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.name in kept or any(f"{each}/".startswith(f"{entry.path}/") for each in mounts):
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)  # noqa: PTH108


def _not_clean(folder: str, is_head: bool) -> list[str]:
    """What of a job's folder should be gone, and is not."""
    if not os.path.isdir(folder):  # noqa: PTH112
        return []
    if not is_head:
        return [folder]
    kept = {*RECORDS, "state.json.new"}
    return [entry.path for entry in os.scandir(folder) if entry.name not in kept]


def _close_record(path: str) -> None:
    """Write down the end of a job whose supervisor did not live to do it."""
    try:
        state = json.loads(read(path) or "{}")
    except ValueError:
        return
    if state.get("state") in OPEN_STATES:
        message = "its supervisor ended without a word (killed?)"
        by = cause("supervisor-lost", node=state["nodes"][0]["name"])
        state.update(state="lost", message=message, cause=by, ended_at=time.time())
        with open(f"{path}.swept", "w") as draft:  # noqa: PTH123
            json.dump(state, draft)
        os.rename(f"{path}.swept", path)  # noqa: PTH104

"""Find what crashed controllers left on this node, or remove it: `leftovers look|remove ASKED`.

ASKED is JSON: ``homes`` (folders of clusters), ``storages`` (our folders in their storage),
``only_theirs`` (no jobs but those with a folder there), and for ``remove`` also ``agreed``, the
ids of what may go. Prints JSON: ``items``, the ids of the jobs
that are ``living`` here, and the ``jobs`` that have a folder here. Who asks several nodes lets
nothing go of a job that lives on one of them.

What is found is looked at again after a lease's time: a job that begins or ends is no leftover.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Any, Dict  # noqa: UP035 - evaluated, on Python 3.8 too

from clusterkit.payloads.gone import described
from clusterkit.payloads.gpu_memory import gpu_memory
from clusterkit.payloads.job_protocol import LEASE_TTL_S
from clusterkit.payloads.left_files import job_folders, jobs_in, regions, remove, unfinished
from clusterkit.payloads.left_processes import JobProcess, is_adrift, job_processes
from clusterkit.payloads.mounts import mounts_in
from clusterkit.payloads.processes import birth

_AGAIN_AFTER_S = LEASE_TTL_S + 1.0
_PATIENCE_S = 3.0

Items = Dict[str, Any]  # noqa: UP006
"""What was found, by id."""


def main() -> None:
    """Do what the first word says."""
    what, asked = sys.argv[1], json.loads(sys.argv[2])
    homes = asked["homes"]

    def look() -> tuple[Items, set[str]]:
        return _look(homes, asked["storages"], only_theirs=asked["only_theirs"])

    if what == "look":
        items, living = look()
        if items:
            time.sleep(_AGAIN_AFTER_S)
            again, living = look()
            items = {key: item for key, item in again.items() if key in items}
    else:
        left, living = look()
        _remove({key: item for key, item in left.items() if key in asked["agreed"]})
        after, living = look()
        items = {key: item for key, item in after.items() if key in asked["agreed"]}
    rows = [{"id": key, **item} for key, item in items.items()]
    print(json.dumps({"items": rows, "living": sorted(living), "jobs": sorted(jobs_in(homes))}))


def _look(homes: list[str], storages: list[str], *, only_theirs: bool) -> tuple[Items, set[str]]:
    """What is left here, and the jobs that live."""
    theirs = jobs_in(homes)
    everyone = job_processes()
    living = {each.job for each in everyone if each.is_keeper and not is_adrift(each.pid)}
    orphans = [
        each
        for each in everyone
        if each.is_near and each.job not in living and (each.job in theirs or not only_theirs)
    ]
    items: Items = {}
    held = gpu_memory() if orphans else {}
    for process in orphans:
        items[f"process {process.pid} {process.born}"] = {
            "kind": "process",
            "what": described(process, held.get(process.pid)),
            "why": _why(process),
            "remove_with": f"kill -9 {process.pid}",
            "job": process.job,
        }
    # Also what is not near may still use files of its job
    used = {process.job for process in everyone if process not in orphans}
    pids = {process.pid for process in orphans}
    for kind, files in (
        ("files", job_folders(homes, used)),
        ("shared-memory", regions(used, but=pids)),
        ("unfinished", unfinished(storages)),
    ):
        for file in files:
            items[f"{kind} {file.path}"] = {
                "kind": kind,
                "what": str(file.path),
                "why": file.why,
                "remove_with": f"rm -r {shlex.quote(str(file.path))}",
                "job": file.job,
            }
    return items, living


def _why(process: JobProcess) -> str:
    if process.is_keeper or is_adrift(process.pid):
        return f"the folder of job {process.job} was removed: nobody can stop it any more"
    return f"job {process.job} has no supervisor and no agent here"


def _remove(items: Items) -> None:
    """Processes first: they may use the files."""
    pids = {int(key.split()[1]) for key, item in items.items() if item["kind"] == "process"}
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + _PATIENCE_S
    while any(map(birth, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    busy = {process.job for process in job_processes()}
    for key, item in items.items():
        path = key.partition(" ")[2]
        if item["kind"] == "process" or item["job"] in busy or mounts_in([path]):
            continue  # what is mounted there is not ours to remove
        with contextlib.suppress(OSError):
            remove(Path(path))

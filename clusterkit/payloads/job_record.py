"""What is kept of a job on the head: state.json and a log for each rank."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from pathlib import Path
from typing import Any, BinaryIO

from clusterkit.payloads.job_protocol import Message
from clusterkit.payloads.processes import birth

_TAIL_LINES = 10
_KEPT_JOBS = 100
_ENDINGS = {"stdout": "out", "stderr": "err", "answer": "answers"}


def forget_old(jobs: Path) -> None:
    """Remove the records of all but the last jobs; those that run are left alone."""
    ended = [state for state in jobs.glob("*/state.json") if not _is_open(state.parent)]
    if len(ended) > _KEPT_JOBS:
        for state in sorted(ended, key=_written)[:-_KEPT_JOBS]:
            import shutil

            shutil.rmtree(state.parent, ignore_errors=True)


def _is_open(job: Path) -> bool:
    """Whether the job has a supervisor, or died with it and was not swept yet."""
    return (job / "supervisor.sock").exists()


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another supervisor tidies up too
        return 0.0


class JobRecord:
    """The record of one job, written as things happen."""

    def __init__(self, folder: Path, job: Message) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._tails: dict[str, deque[str]] = {}
        self._is_saved = False
        ranks = [{**rank, "pid": None, "exit_code": None, "signal": None} for rank in job["ranks"]]
        self.ranks: dict[int, dict[str, Any]] = {rank["rank"]: rank for rank in ranks}
        self._state = {
            "version": job["version"],
            "id": job["id"],
            "verb": job["verb"],
            "cluster": job["cluster"],
            "state": "running",
            "message": None,
            "started_at": time.time(),
            "ended_at": None,
            "supervisor": {"pid": os.getpid(), "birth": birth(os.getpid())},
            "nodes": [
                {"name": node["name"], "folder": node["folder"], "python": node["python"]}
                for node in job["nodes"]
            ],
            "ranks": ranks,
        }

    def update_rank(self, rank: int, **changes: Any) -> None:
        """Take down what became of a rank; it is written with the next save."""
        self.ranks[rank].update(changes)
        self._is_saved = False

    def save(self, **changes: Any) -> None:
        """Write the state, if it has changed; a reader sees the old one or the new one."""
        if self._is_saved and not changes:
            return
        self._is_saved = True
        self._state.update(changes)
        draft = self._folder / "state.json.new"
        draft.write_text(json.dumps(self._state))
        draft.rename(self._folder / "state.json")

    def log(self, who: str, stream: str, lines: list[str]) -> None:
        """Add lines to the log of ``rank-N`` or ``launcher``, and remember the last ones."""
        name = f"{who}.{_ENDINGS[stream]}"
        if name not in self._files:
            self._files[name] = (self._folder / "logs" / name).open("wb", buffering=0)
        self._files[name].write("".join(line + "\n" for line in lines).encode())
        if stream != "answer":
            self._tails.setdefault(name, deque(maxlen=_TAIL_LINES)).extend(lines)

    def close(self) -> None:
        """Log no more."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def tail(self, who: str) -> list[str]:
        """The last lines that ``who`` wrote: to stderr, or where there are none, to stdout."""
        for ending in ("err", "out"):
            lines = self._tails.get(f"{who}.{ending}")
            if lines:
                return list(lines)
        return []

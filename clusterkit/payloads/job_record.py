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
_ENDINGS = {"stdout": "out", "stderr": "err", "answer": "answers"}


class JobRecord:
    """The record of one job, written as things happen."""

    def __init__(self, folder: Path, job: Message) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._tails: dict[str, deque[str]] = {}
        ranks = [{**rank, "pid": None, "exit_code": None, "signal": None} for rank in job["ranks"]]
        self.ranks: dict[int, dict[str, Any]] = {rank["rank"]: rank for rank in ranks}
        self._state = {
            "version": job["version"],
            "id": job["id"],
            "verb": job["verb"],
            "cluster": job["cluster"],
            "state": "running",
            "message": None,
            "exit_code": None,
            "started_at": time.time(),
            "ended_at": None,
            "supervisor": {"pid": os.getpid(), "birth": birth(os.getpid())},
            "nodes": [
                {"name": node["name"], "folder": node["folder"], "python": node["python"]}
                for node in job["nodes"]
            ],
            "ranks": ranks,
        }

    def save(self, **changes: Any) -> None:
        """Write the state; a reader sees the old one or the new one."""
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

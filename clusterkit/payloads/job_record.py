"""What is kept of a job on the head: its state, a log for each rank, and all that was told of it.

``logs/told.jsonl`` has every message to the owner in its order, but for the lines of output: they
are in the logs, and it has how many bytes of them. So whoever attaches hears what the owner heard.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from clusterkit.payloads.job_protocol import Message, encode
from clusterkit.payloads.processes import birth

_TAIL_LINES = 10
_TAIL_BYTES = 1 << 14
_ENDINGS = {"stdout": "out", "stderr": "err", "answer": "answers"}
TOLD, ASKED = "told.jsonl", "asked.json"


class JobRecord:
    """The record of one job, written as things happen.

    ``problem`` says why nothing more can be written, where that is so.
    """

    def __init__(self, folder: Path, job: Message, before: Message | None = None) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._tails: dict[str, deque[str]] = {}
        self._is_saved = False
        self.problem: str | None = None
        ranks = [{**rank, "pid": None, "exit_code": None, "signal": None} for rank in job["ranks"]]
        self.ranks: dict[int, dict[str, Any]] = {rank["rank"]: rank for rank in ranks}
        self.state: dict[str, Any] = {
            "version": job["version"],
            "id": job["id"],
            "verb": job["verb"],
            "cluster": job["cluster"],
            "grace_s": job.get("grace_s", 3.0),
            "state": "starting",
            "owner": "controller",
            "message": None,
            "cause": None,
            "started_at": time.time(),
            "ended_at": None,
            "attempts": [],
            "attempt_at": time.time(),
            "supervisor": {"pid": os.getpid(), "birth": birth(os.getpid())},
            "nodes": [
                {"name": node["name"], "folder": node["folder"], "python": node["python"]}
                for node in job["nodes"]
            ],
            "ranks": ranks,
        }
        for key in ("owner", "started_at", "attempts") if before else ():
            self.state[key] = before[key]  # type: ignore[index]

    def attempt_ended(self, outcome: str, restarts: int) -> Message:
        """Take down how an attempt ended, when there will be another; what is told of that."""
        end = self.end(outcome)
        row = {key: end[key] for key in ("outcome", "message", "cause", "ranks")}
        attempts = self.state["attempts"]
        attempts.append({**row, "started_at": self.state["attempt_at"], "ended_at": time.time()})
        number = len(attempts) + 1
        why = {"why": end["message"], "attempt": number, "of": restarts + 1}
        return {"t": "restarting", "job": self.state["id"], **why}

    def ask(self, asked: Mapping[str, Any]) -> None:
        """Keep what the verb was asked, for the one who wants its result later."""
        path = self._folder / "logs" / ASKED
        path.touch(mode=0o600)
        path.write_text(json.dumps(asked))

    def rank_started(self, rank: int, pid: int) -> bool:
        """Take down that a rank runs; say whether it is the last one to start."""
        self.update_rank(rank, pid=pid)
        if self.state["state"] != "starting":
            return False
        if any(each["pid"] is None for each in self.ranks.values()):
            return False
        self.save(state="running")
        return True

    def update_rank(self, rank: int, **changes: Any) -> None:
        """Take down what became of a rank; it is written with the next save."""
        self.ranks[rank].update(changes)
        self._is_saved = False

    def save(self, **changes: Any) -> None:
        """Write the state, if it has changed; a reader sees the old one or the new one."""
        if self._is_saved and not changes:
            return
        self._is_saved = True
        self.state.update(changes)
        draft = self._folder / "state.json.new"
        try:
            draft.write_text(json.dumps(self.state))
            draft.rename(self._folder / "state.json")
        except OSError as error:
            self._fail(error)

    def end(self, outcome: str) -> Message:
        """The message that tells how the job ended."""
        keys = ("rank", "node", "exit_code", "signal")
        ranks = [{key: rank[key] for key in keys} for rank in self.ranks.values()]
        why = {key: self.state[key] for key in ("message", "cause")}
        return {"t": "end", "outcome": outcome, **why, "ranks": ranks}

    def keep(self, message: Message) -> None:
        """Write down a message to the owner, and the lines of a rank or the launcher."""
        row = {**message, "at": time.time()}
        if "lines" in row:
            row["bytes"] = self._log(log_name(row), row.pop("lines"))
        self._write(TOLD, encode(row))

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

    def _log(self, name: str, lines: list[str]) -> int:
        """Add lines to a log, and remember the last ones; how many bytes that were."""
        data = "".join(line + "\n" for line in lines).encode()
        self._write(name, data)
        self._tails.setdefault(name, deque(maxlen=_TAIL_LINES)).extend(lines)
        return len(data)

    def _write(self, name: str, data: bytes) -> None:
        if self.problem is not None:
            return
        try:
            if name not in self._files:
                self._files[name] = (self._folder / "logs" / name).open("ab", buffering=0)
            self._files[name].write(data)
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.problem = self.problem or f"{self._folder} cannot be written: {error.strerror}"


def log_name(message: Message) -> str:
    """The file of a message's lines: of its rank, or of the launcher."""
    who = f"rank-{message['rank']}" if "rank" in message else "launcher"
    return f"{who}.{_ENDINGS[message.get('stream', 'stdout')]}"


def tail_of(logs: Path, who: str) -> list[str]:
    """The last lines of ``rank-N`` or ``launcher`` on file, as :meth:`JobRecord.tail` has them."""
    for ending in ("err", "out"):
        path = logs / f"{who}.{ending}"
        if path.exists() and path.stat().st_size:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
                lines = file.read().decode(errors="replace").splitlines()
            return lines[-_TAIL_LINES:]
    return []

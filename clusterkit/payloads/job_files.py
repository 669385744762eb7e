"""Serve the jobs' records on the head: `job_files list|stop|logs FOLDER …`; prints JSON lines."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from clusterkit.payloads.job_protocol import NOT_RUNNING, LineSplitter, encode
from clusterkit.payloads.processes import birth

_FOLLOW_EVERY_S = 0.2
_LOG = re.compile(r"(?:rank-(\d+)|launcher)\.(out|err)")
_STREAMS = {"out": "stdout", "err": "stderr"}


def main() -> None:
    """Do what the first word says."""
    what, folder, *words = sys.argv[1:]
    jobs = Path(folder)
    if what == "list":
        for state in states(jobs):
            print(json.dumps(state))
    elif what == "stop":
        stop(jobs / words[0])
    elif what == "logs":
        logs(jobs / words[0], rank=words[1], follow=words[2] == "follow")
    else:
        sys.exit(f"no such request: {what}")


def states(jobs: Path) -> list[dict[str, Any]]:
    """Every job's state, the newest first; looked up, so that a dead one is not called running."""
    found = []
    for path in jobs.glob("*/state.json"):
        state = _state(path.parent)
        if state is not None:
            found.append(state)
    return sorted(found, key=lambda state: -float(state["started_at"]))


def stop(folder: Path) -> None:
    """Ask the job's supervisor to end it, and print how it ended; exit 3: it does not run."""
    os.chdir(folder)
    with socket.socket(socket.AF_UNIX) as supervisor:
        try:
            supervisor.connect("supervisor.sock")
        except OSError:
            sys.exit(NOT_RUNNING)
        supervisor.sendall(encode({"t": "stop"}))
        line = supervisor.makefile("rb").readline()
    if not line:
        sys.exit(NOT_RUNNING)
    sys.stdout.write(line.decode())


def logs(folder: Path, *, rank: str, follow: bool) -> None:
    """Print the lines of all logs, or of one rank; with ``follow`` until the job has ended."""
    state = _state(folder)
    known = {str(each["rank"]) for each in state["ranks"]} if state else set()
    if rank != "all" and rank not in known:
        sys.exit(f"no rank {rank} in this job")
    tails: dict[str, tuple[BinaryIO, LineSplitter]] = {}
    while True:
        state = _state(folder)
        ended = state is None or state["state"] != "running"
        for path in sorted((folder / "logs").glob("*")):
            if path.name not in tails and _wanted(path.name, rank):
                tails[path.name] = (path.open("rb"), LineSplitter(1 << 20))
        for name, (file, splitter) in tails.items():
            lines = splitter.feed(file.read())
            _print(name, lines + splitter.end() if ended else lines)
        sys.stdout.flush()
        if ended or not follow:
            return
        time.sleep(_FOLLOW_EVERY_S)


def _state(folder: Path) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text())
    except (OSError, ValueError):
        return None
    supervisor = state["supervisor"]
    if state["state"] == "running" and birth(supervisor["pid"]) != supervisor["birth"]:
        state.update(state="died", message="its supervisor died")
    return state


def _wanted(name: str, rank: str) -> bool:
    match = _LOG.fullmatch(name)
    return match is not None and rank in ("all", match.group(1))


def _print(name: str, lines: list[bytes]) -> None:
    match = _LOG.fullmatch(name)
    rank = match.group(1) if match else None
    stream = _STREAMS[match.group(2)] if match else "stdout"
    for line in lines:
        text = line.decode(errors="replace")
        print(json.dumps({"rank": rank and int(rank), "stream": stream, "text": text}))

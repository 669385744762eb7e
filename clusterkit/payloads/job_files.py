"""Serve the jobs' records on the head: `job_files list|show|stop|logs|follow FOLDER …`.

Prints JSON lines.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from clusterkit.payloads.job_protocol import NOT_RUNNING, OPEN_STATES, LineSplitter, encode
from clusterkit.payloads.job_record import ASKED, tail_of
from clusterkit.payloads.job_story import tell
from clusterkit.payloads.processes import birth

_FOLLOW_EVERY_S = 0.2
_SUPERVISOR_WITHIN_S = 5.0
_NO_TIME = 2.5e11  # behind the year 9999, with which our calendar ends
_LOG = re.compile(r"(?:rank-(\d+)|launcher)\.(out|err)")
_STREAMS = {"out": "stdout", "err": "stderr"}


def main() -> None:
    """Do what the first word says."""
    what, folder, *words = sys.argv[1:]
    jobs = Path(folder)
    if what == "list":
        for state in states(jobs):
            print(json.dumps(state))
    elif what == "show":
        show(jobs / words[0])
    elif what == "stop":
        stop(jobs / words[0], now="now" in words[1:])
    elif what == "logs":
        logs(jobs / words[0], rank=words[1], follow=words[2] == "follow")
    elif what == "follow":
        follow(jobs / words[0])
    else:
        sys.exit(f"no such request: {what}")


def states(jobs: Path) -> list[dict[str, Any]]:
    """Every job's state, the newest first; looked up, so that a dead one is not called running."""
    found = []
    for path in jobs.glob("*/state.json"):
        state = state_of(path.parent)
        if state is not None:
            found.append(state)
    return sorted(found, key=lambda state: -float(state["started_at"]))


def show(folder: Path) -> None:
    """Print all that is known of one job: its state, what it was asked, its ranks' last lines.

    Of one that runs also when its nodes and ranks were last heard of.
    """
    state = state_of(folder) or {}
    names = ["launcher", *(f"rank-{rank['rank']}" for rank in state.get("ranks", ()))]
    seen: dict[str, Any] | None = None
    if state.get("state") in OPEN_STATES:
        seen = _ask(folder, "look")
    last = {name: tail_of(folder / "logs", name) for name in names}
    asked = folder / "logs" / ASKED
    known = json.loads(asked.read_text()) if asked.exists() else None
    whole = {"state": state, "seen": seen, "last_lines": last, "asked": known}
    print(json.dumps({**whole, "logs": str(folder / "logs"), "now": time.time()}))


def stop(folder: Path, *, now: bool) -> None:
    """Ask the job's supervisor to end it, and print how it ended; exit 3: it does not run.

    ``now``: its ranks get no time to end by themselves.
    """
    deadline = time.monotonic() + _SUPERVISOR_WITHIN_S
    while True:
        end = _ask(folder, "stop", now=now)
        if end is not None and end["t"] == "end":
            print(json.dumps(end))
            return
        state = state_of(folder)
        is_open = state is not None and state["state"] in OPEN_STATES
        if not is_open or time.monotonic() > deadline:
            sys.exit(NOT_RUNNING)
        time.sleep(0.05)  # it makes the next attempt at this moment


def follow(folder: Path) -> None:
    """Print what the owner of a job was told, from its beginning to its end."""

    def is_open() -> bool:
        state = state_of(folder)
        return state is not None and state["state"] in OPEN_STATES

    for message in tell(folder / "logs", is_open):
        sys.stdout.write(encode(message).decode())
        sys.stdout.flush()


def logs(folder: Path, *, rank: str, follow: bool) -> None:
    """Print the lines of all logs, or of one rank; with ``follow`` until the job has ended."""
    state = state_of(folder)
    known = {str(each["rank"]) for each in state["ranks"]} if state else set()
    if rank != "all" and rank not in known:
        sys.exit(f"no rank {rank} in this job")
    tails: dict[str, tuple[BinaryIO, LineSplitter]] = {}
    while True:
        state = state_of(folder)
        ended = state is None or state["state"] not in OPEN_STATES
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


def state_of(folder: Path) -> dict[str, Any] | None:
    """A job's state; ``died``: nobody watches over it any more. A damaged record is none."""
    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text())
        supervisor = state["supervisor"]
        is_whole = state["state"] and 0 <= float(state["started_at"]) < _NO_TIME
    except (OSError, ValueError, LookupError, TypeError):
        return None
    if not is_whole:
        return None
    if state["state"] in OPEN_STATES and birth(supervisor["pid"]) != supervisor["birth"]:
        state.update(state="died", message="its supervisor died")
    return state


def _ask(folder: Path, what: str, **more: Any) -> dict[str, Any] | None:
    """Ask the supervisor one thing; None: there is none."""
    try:
        os.chdir(folder)
        with socket.socket(socket.AF_UNIX) as supervisor:
            supervisor.connect("supervisor.sock")
            supervisor.sendall(encode({"t": what, **more}))
            line = supervisor.makefile("rb").readline()
    except OSError:
        return None
    answer: dict[str, Any] | None = json.loads(line) if line else None
    return answer


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

"""What the jobs of the replicas tell: they are on file on the head, where the router runs too.

So it needs no word from whoever started it, and knows a replica again that began anew elsewhere.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clusterkit.payloads.job_files import state_of
from clusterkit.payloads.job_protocol import OPEN_STATES
from clusterkit.payloads.job_story import tell
from clusterkit.payloads.router.replica import Replica

_BEGINS_WITHIN_S = 60.0

Heard = Callable[[Replica, "dict[str, Any]"], None]


def follow(replica: Replica, folder: Path, heard: Heard) -> None:
    """Call ``heard`` with every message of a job, in a thread of its own, until it has ended."""
    until = time.monotonic() + _BEGINS_WITHIN_S

    def is_open() -> bool:
        state = state_of(folder)
        if state is None:  # its supervisor starts with us
            return time.monotonic() < until
        return state["state"] in OPEN_STATES

    def run() -> None:
        for message in tell(folder / "logs", is_open):
            heard(replica, message)

    threading.Thread(target=run, name=f"replica {replica.name}", daemon=True).start()


def take(replica: Replica, message: dict[str, Any]) -> None:
    """Note what a message means for the replica; in the loop's own thread."""
    kind = message["t"]
    if kind == "answer" and message["rank"] == 0:
        for line in message["lines"]:
            _hear(replica, line)
    elif kind == "rank-ended":
        how = message["signal"] or f"exit code {message['exit_code']}"
        replica.suspect(f"rank {message['rank']} on {message['node']} ended ({how})")
        replica.port = None
    elif kind == "node-lost":
        _gone(replica, f"{message['node']}: {message['why']}")
    elif kind == "restarting":
        _gone(replica, f"it begins anew: {_line(message['why'])}")
    elif kind in ("end", "died"):
        replica.has_ended = True
        _gone(replica, _line(message.get("message") or "its supervisor died"))


def _hear(replica: Replica, line: str) -> None:
    try:
        event = json.loads(line)
    except ValueError:
        return
    if not isinstance(event, dict):
        return
    if event.get("event") == "serving":
        replica.port, replica.answer = int(event["port"]), str(event["answer"])
        replica.why = "it has not been looked at"
        replica.look.set()
    elif event.get("event") == "warming" and replica.port is None:
        replica.why = f"making ready: {event['what']} ({event['done']} of {event['of']})"


def _gone(replica: Replica, why: str) -> None:
    replica.port = None
    replica.suspect(why)
    replica.cut(why)


def _line(text: str) -> str:
    return text.partition("\n")[0]

"""Run a detached job once more, in place: the supervisor begins anew, as the same process.

What it must know then lies in a file without a name, as the job's words are for nobody to see.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterable
from typing import Any, NoReturn

from clusterkit.payloads.agent_link import AgentLink
from clusterkit.payloads.job_protocol import Message

_AGAIN = "again"
# What may go well another time. Whoever ended the job, or its time limit, meant it.
_FAILED = ("failed", "stalled", "lost")


def may_restart(
    state: dict[str, Any], job: Message, outcome: str, links: Iterable[AgentLink]
) -> bool:
    """Whether to run it again: it failed, there are attempts left, and nothing is left of it."""
    return (
        outcome in _FAILED
        and state["owner"] == "supervisor"
        and len(state["attempts"]) < job["restarts"]
        and all(link.gone and not link.left for link in links)
    )


def begin_anew(job: Message, state: dict[str, Any]) -> NoReturn:
    """Become a new supervisor of the job; pid and birth stay as they are."""
    with tempfile.TemporaryFile() as file:
        file.write(json.dumps({"job": job, "state": state}).encode())
        file.flush()
        os.set_inheritable(file.fileno(), True)
        words = [sys.executable, "-I", "-S", os.path.dirname(__file__), "supervise", job["id"]]  # noqa: PTH120
        os.execv(sys.executable, [*words, _AGAIN, str(file.fileno())])  # noqa: S606


def carried(words: list[str]) -> tuple[Message, dict[str, Any]] | None:
    """The job and its state, of a supervisor that began anew; None: this is the first attempt."""
    if _AGAIN not in words:
        return None
    with os.fdopen(int(words[-1]), "rb") as file:
        file.seek(0)
        found = json.loads(file.read())
    return found["job"], found["state"]

"""Which state folder made something on a Docker engine, and whether that state still knows it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from pathlib import Path
from typing import Any

from clusterkit.state.folders import state_folder
from clusterkit.state.journal import journal_file
from clusterkit.state.lock import machine_id


def maker() -> str:
    """This user's state on this machine, as one label.

    The name of the host is a part of it: containers of one image may share the machine's id.
    """
    return json.dumps({**_here(), "state": str(state_folder())}, sort_keys=True)


def state_of_maker(label: str) -> Path | None:
    """The state folder that a label names; None where it is another user's, or elsewhere."""
    try:
        told: dict[str, Any] = dict(json.loads(label))
        folder = Path(told.pop("state"))
    except (ValueError, TypeError, KeyError):
        return None
    return folder if told == _here() and folder.is_absolute() else None


def knows(state: Path, cluster: str) -> bool:
    """Whether a state folder has a cluster, or a run about it that may be gone on with.

    What cannot be looked into may have it.
    """
    folder = state / "clusters" / cluster
    return any(map(_may_be_there, (folder / "applied.json", journal_file(folder))))


def _may_be_there(file: Path) -> bool:
    try:
        file.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _here() -> dict[str, str]:
    digest = hashlib.sha256(machine_id().encode()).hexdigest()[:12]
    return {"machine": digest, "host": platform.node(), "user": str(os.getuid())}

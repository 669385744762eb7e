"""Who holds a cluster's lock, and what can be said from here of whether they still live."""

from __future__ import annotations

import getpass
import json
import os
import platform
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from clusterkit.payloads.processes import birth

BEATS_EVERY_S = 10.0
EXPIRES_AFTER_S = 60.0

Holder = dict[str, str]
"""Who, where, which process and which verb; as JSON in the lock."""
_KEYS = ("id", "user", "host", "machine", "boot", "verb", "pid", "since", "started")
_TIMES = ("beats_every_s", "expires_after_s")
_UNKNOWN = dict.fromkeys((*_KEYS, *_TIMES), "unknown")


def new_holder(
    verb: str, *, beats_every_s: float = BEATS_EVERY_S, expires_after_s: float = EXPIRES_AFTER_S
) -> Holder:
    """This process. How long its silence means nothing is its own to say: others go by that."""
    return {
        "id": secrets.token_hex(8),
        "user": user_name(),
        "host": platform.node(),
        "machine": machine_id(),
        "boot": _boot(),
        "pid": str(os.getpid()),
        "started": birth(os.getpid()) or "",
        "verb": verb,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "beats_every_s": f"{beats_every_s:g}",
        "expires_after_s": f"{expires_after_s:g}",
    }


def holder_of(text: str) -> Holder:
    """The holder as it was written; what is not there, or another version wrote, is unknown."""
    try:
        return _UNKNOWN | {key: str(value) for key, value in dict(json.loads(text)).items()}
    except (ValueError, TypeError):
        return _UNKNOWN


def time_of(holder: Holder, key: str) -> float | None:
    """One of the holder's own times, in seconds; None where they did not say, and never expire."""
    try:
        return float(holder[key])
    except ValueError:
        return None


def is_alive_here(holder: Holder) -> bool:
    """Whether the holder is a process of this machine that runs, or is stopped, now."""
    is_here = holder["host"] == platform.node() and holder["boot"] == _boot()
    return is_here and holder["pid"].isdigit() and birth(int(holder["pid"])) == holder["started"]


def is_dead(holder: Holder) -> bool:
    """Whether the holder was a process of this machine that is gone; a pid may be used again.

    Many machines are called `ubuntu` or `localhost`, so a name alone proves nothing: who began
    before the last start of this very machine is gone, and of others nothing can be said.
    """
    if holder["host"] != platform.node() or not holder["pid"].isdigit():
        return False
    if holder["boot"] != _boot():
        return holder["machine"] == machine_id() != ""
    return birth(int(holder["pid"])) != holder["started"]


def machine_id() -> str:
    """What tells this machine from others; nothing where it has none."""
    return _text("/etc/machine-id")


def _boot() -> str:
    """The start of this machine, and the processes among which a pid means one of ours."""
    boot = _text("/proc/sys/kernel/random/boot_id")
    with suppress(OSError):
        boot += f" {Path('/proc/self/ns/pid').readlink()}"
    return boot


def _text(file: str) -> str:
    """What is in a short file; nothing, where it is not there."""
    with suppress(OSError):
        return Path(file).read_text().strip()
    return ""


def user_name() -> str:
    """Who runs this; a number where the machine has no name for it, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())

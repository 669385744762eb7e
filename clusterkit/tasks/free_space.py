"""How much room a node's file system has."""

from __future__ import annotations

from clusterkit.command import Command, Result

_DF = 'df -PB1 -- "$1" | tail -n 1'
_AVAILABLE = 3


def look_at_free_space(path: str) -> Command:
    """Ask the file system in which ``path`` lies."""
    return Command(("sh", "-c", _DF, "sh", path), timeout_s=30)


def free_bytes(answer: Result) -> int | None:
    """What the node's user may still fill; None where nothing was told."""
    words = answer.stdout.split()
    return int(words[_AVAILABLE]) if answer.ok and len(words) > _AVAILABLE else None

"""Ensure that a folder of ours is gone from a node."""

from __future__ import annotations

from dataclasses import dataclass

from clusterkit.command import Command, Result, Step
from clusterkit.tasks.base import LOOK_WITHIN_S, Change

_NOT_THERE = 1
"""The exit code of test(1) for "no"; anything else says that nothing could be seen."""


@dataclass(frozen=True, slots=True)
class FolderGone:
    """No folder at ``path``; it must be one that clusterkit made."""

    node: str
    path: str
    needs_answer: bool = True

    def probe(self) -> Command:
        """Succeed while the folder is there."""
        return Command(("test", "-e", self.path), timeout_s=LOOK_WITHIN_S)

    def plan(self, seen: Result | None) -> Change:
        """Remove the folder with all that is in it."""
        if seen is not None and seen.exit_code == _NOT_THERE:
            return Change(f"{self.path} is gone")
        if seen is not None:
            seen.check()
        remove = Command(("rm", "-rf", "--", self.path))
        return Change(
            f"remove {self.path}", (Step(self.node, f"remove {self.path}", remove, "-"),)
        )

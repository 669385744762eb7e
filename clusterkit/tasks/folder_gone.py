"""Ensure that a folder of ours is gone from a node."""

from __future__ import annotations

from dataclasses import dataclass

from clusterkit.command import Command, Result, Step
from clusterkit.tasks.base import LOOK_WITHIN_S, Change

_NOT_THERE = 1
"""The exit code of test(1) for "no"; anything else says that nothing could be seen."""

# What is mounted there is another's, and stays. The kernel writes a blank as \\040.
REMOVE = r"""
inside=$(printf %s "$1" | sed 's/\\/\\134/g; s/ /\\040/g')
while read -r _ point _; do
    case $point in
        "$inside" | "$inside"/*)
            exec >&2
            printf "%b is mounted in it, and is another's. Fix: umount '%b'\n" "$point" "$point"
            exit 1
            ;;
    esac
done </proc/self/mounts
rm -rf -- "$1"
"""
"""A script that removes the folder $1 with all that is in it."""


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
        remove = Command(("sh", "-c", REMOVE, "sh", self.path))
        return Change(
            f"remove {self.path}", (Step(self.node, f"remove {self.path}", remove, "-"),)
        )

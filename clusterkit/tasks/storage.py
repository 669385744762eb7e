"""Ensure that a node can write to the cluster's shared storage."""

from __future__ import annotations

from dataclasses import dataclass

from clusterkit.command import Command, Result, Step
from clusterkit.errors import ClusterkitError
from clusterkit.tasks.base import Change

# $2 is the mode that the folder must have, if one is asked for.
_LOOK = """
test -d "$1/clusterkit" || exit 3
test -w "$1/clusterkit" || exit 1
test -z "$2" || test "$(stat -c %a -- "$1/clusterkit")" = "$2" || exit 4
"""

_MAKE = 'mkdir -p -- "$1" && { test -z "$2" || chmod "$2" -- "$1"; }'


@dataclass(frozen=True, slots=True)
class SharedFolder:
    """The folder ``clusterkit`` in the shared storage, where models and engines lie.

    The head (``head`` None) makes it. A node that does not see what the head made does not share
    the storage. ``mode`` is what it must have, where the nodes are of several users.
    """

    node: str
    path: str
    head: str | None = None
    mode: str = ""
    needs_answer: bool = True

    def probe(self) -> Command:
        """Exit 0: as it should be; 3: not there; 4: of another mode; else: not writable."""
        return Command(("sh", "-c", _LOOK, "sh", self.path, self.mode), timeout_s=30)

    def plan(self, seen: Result | None) -> Change:
        """Make the folder where it is missing, on the head; elsewhere that is an error."""
        if seen is not None and seen.ok:
            return Change(f"{self.path} is writable")
        if seen is None and self.head is not None:
            return Change("<known after storage>")
        if seen is not None and seen.exit_code == 3 and self.head is not None:
            raise ClusterkitError(
                f"{self.node}: {self.path}/clusterkit is not here, though {self.head} made it: "
                "the storage is not shared. Fix: give every node the same `storage`"
            )
        if seen is not None and seen.exit_code not in (3, 4):
            why = f" ({seen.stderr.strip()})" if seen.stderr.strip() else ""
            raise ClusterkitError(
                f"{self.node}: the shared storage {self.path} is not writable{why}. "
                "Fix: correct `storage` in the inventory, or its owner"
            )
        make = Command(("sh", "-c", _MAKE, "sh", f"{self.path}/clusterkit", self.mode))
        return Change(
            f"make {self.path}/clusterkit",
            (Step(self.node, f"make {self.path}/clusterkit", make, "+"),),
        )

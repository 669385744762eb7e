"""Ensure that a node sees the cluster's shared storage, and can write what it must there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterkit.command import Command, Result, Step
from clusterkit.errors import ClusterkitError
from clusterkit.model.cluster import PROOF_FOLDER
from clusterkit.tasks.base import Change

_NOT_THERE, _NOT_OPEN = 3, 4
# $1 is our folder in the storage. $2 is the folder in it to which all users write, if there are
# several: only in that one, for whoever writes beside the models could put others in their place.
_LOOK = """
test -d "$1" || exit 3
folder=$1${2:+/$2}
test -z "$2" || test "$(stat -c %a -- "$folder" 2>/dev/null)" = 1777 || exit 4
test -w "$folder" || exit 1
"""
_MAKE_OPEN = 'mkdir -p -- "$1/$2" && chmod 1777 -- "$1/$2"'


@dataclass(frozen=True, slots=True)
class SharedFolder:
    """The folder ``clusterkit`` in the shared storage, where models and engines lie.

    The head (``head`` None) makes it, and writes the models. A node that does not see what the
    head made does not share the storage. ``several_users``: the nodes' users differ, and all of
    them may write to the folder of the proof, and to no other.
    """

    node: str
    path: str
    head: str | None = None
    several_users: bool = False
    needs_answer: bool = True

    def probe(self) -> Command:
        """Exit 0: as it should be; 3: not there; 4: not open to all users; else: not writable."""
        return Command(("sh", "-c", _LOOK, "sh", self._folder, self._proof), timeout_s=30)

    def plan(self, seen: Result | None) -> Change:
        """Make the folder where it is missing, on the head; elsewhere that is an error."""
        if seen is not None and seen.ok:
            return Change(f"{self.path} is writable")
        if seen is None and self.head is not None:
            return Change("<known after storage>")
        code = seen.exit_code if seen else _NOT_THERE
        if self.head is not None and code in (_NOT_THERE, _NOT_OPEN):
            lacks = self._folder if code == _NOT_THERE else f"{self._folder}/{self._proof}"
            raise ClusterkitError(
                f"{self.node}: {lacks} is not here, though {self.head} made it: "
                "the storage is not shared. Fix: give every node the same `storage`"
            )
        if seen is not None and code not in (_NOT_THERE, _NOT_OPEN):
            why = f" ({seen.stderr.strip()})" if seen.stderr.strip() else ""
            raise ClusterkitError(
                f"{self.node}: the shared storage {self.path} is not writable{why}. "
                "Fix: correct `storage` in the inventory, or its owner"
            )
        sign: Literal["+", "~"] = "+" if code == _NOT_THERE else "~"
        summary = f"make {self._folder}"
        make = Command(("mkdir", "-p", "--", self._folder))
        if self.several_users:
            summary += f", in which all users of the nodes may write to {self._proof}"
            make = Command(("sh", "-c", _MAKE_OPEN, "sh", self._folder, self._proof))
        return Change(summary, (Step(self.node, summary, make, sign),))

    @property
    def _folder(self) -> str:
        return f"{self.path}/clusterkit"

    @property
    def _proof(self) -> str:
        return PROOF_FOLDER if self.several_users else ""

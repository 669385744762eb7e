"""Ensure that a node has a folder of its own for models: storage of kind ``sync``.

The folder is ours alone: of the login user, closed to others, and with a mark of each cluster that
keeps copies there. Another's folder of that name is never used: who may write to a folder of
everybody's, such as /var/tmp, could have put it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterkit.command import Command, Result, Step
from clusterkit.errors import ClusterkitError
from clusterkit.model.cluster import Cluster, default_sync_path
from clusterkit.tasks.base import Change

_MISSING, _STRANGE, _EXPOSED, _FULL, _UNMARKED, _SHUT = 1, 3, 4, 5, 6, 7
# $1 is the folder, $2 the cluster. A link is another's way to lead us elsewhere.
_LOOK = """
if ! test -e "$1" && ! test -L "$1"; then
    above=${1%/*}
    while test -n "$above" && ! test -e "$above"; do above=${above%/*}; done
    test -w "${above:-/}" && exit 1
    echo "${above:-/}"
    exit 7
fi
test ! -L "$1" && test -d "$1" && test -O "$1" || exit 3
test -d "$1/.clusters" || test -z "$(ls -A -- "$1")" || exit 5
test "$(stat -c %a -- "$1")" = 700 || exit 4
test -e "$1/.clusters/$2" || exit 6
"""
# mkdir fails where somebody was faster, and what is there must still be ours to be closed.
_MAKE = """
set -e
parent=${1%/*} made=
test -e "$parent" || { mkdir -p -- "$parent"; made=parent; }
test -e "$1" || mkdir -m 700 -- "$1"
test ! -L "$1"
test -O "$1"
chmod 700 -- "$1"
mkdir -p -- "$1/.clusters"
test -e "$1/.clusters/$2" || printf %s "$made" >"$1/.clusters/$2"
"""
# Only the last cluster takes the copies with it. The marks go last, so that a removal that was
# interrupted goes on. A mount point stays, empty.
_REMOVE = """
set -e
test ! -L "$1"
test -O "$1"
test -e "$1/.clusters/$2"
made=$(cat -- "$1/.clusters/$2")
if test "$(ls -A -- "$1/.clusters")" = "$2"; then
    find "$1" -mindepth 1 -maxdepth 1 ! -name .clusters -exec rm -rf -- {} +
fi
rm -f -- "$1/.clusters/$2"
rmdir -- "$1/.clusters" 2>/dev/null && rmdir -- "$1" 2>/dev/null || exit 0
test "$made" != parent || rmdir -- "${1%/*}" 2>/dev/null || true
"""


def own_folder(cluster: Cluster) -> str:
    """What is ours on each node: all of the default path, and of a path of the user's a part."""
    path = cluster.storage.path
    return path if path == default_sync_path(cluster.name) else f"{path.rstrip('/')}/clusterkit"


def copies_folder(cluster: Cluster) -> str | None:
    """Where each machine keeps copies of its own; None where they share a storage."""
    return own_folder(cluster) if cluster.storage.kind == "sync" else None


@dataclass(frozen=True, slots=True)
class OwnStorage:
    """The node's own folder for models, which no other node sees."""

    node: str
    folder: str
    cluster: str
    needs_answer: bool = True

    def probe(self) -> Command:
        """Look whose it is, who may look into it, and which clusters keep copies there."""
        return Command(("sh", "-c", _LOOK, "sh", self.folder, self.cluster), timeout_s=30)

    def plan(self, seen: Result | None) -> Change:
        """Make it; one that is not ours is an error."""
        code = seen.exit_code if seen else _MISSING
        if seen is not None and seen.ok:
            return Change(f"{self.folder} is this node's own")
        if seen is not None and code in (_STRANGE, _FULL, _SHUT):
            raise ClusterkitError(f"{self.node}: {self._refused(code, seen.stdout.strip())}")
        summary = {
            _MISSING: f"make {self.folder}, a storage of its own",
            _EXPOSED: f"close {self.folder} to others",
            _UNMARKED: f"use {self.folder} as a storage of its own",
        }.get(code)
        if summary is None:
            raise ClusterkitError(
                f"{self.node}: {self.folder} cannot be looked at: "
                f"{(seen.stderr.strip() if seen else '') or f'exit {code}'}. "
                "Fix: see that sh and the usual programs are there"
            )
        make = Command(("sh", "-c", _MAKE, "sh", self.folder, self.cluster))
        sign: Literal["+", "~"] = "+" if code == _MISSING else "~"
        return Change(summary, (Step(self.node, summary, make, sign),))

    def _refused(self, code: int, said: str) -> str:
        match code:
            case 3:
                what = f"{self.folder} is there, and is no folder of this user's own"
                fix = "have its owner move it away, or set another `path` in `storage`"
            case 5:
                what = f"{self.folder} is there with files that are no copies of clusterkit's"
                fix = "move it away, or set another `path` in `storage`"
            case _:
                what = f"{self.folder} cannot be made: {said} is not this user's to write to"
                fix = "set a `path` in `storage` where the login user of each machine may write"
        return f"{what}. Fix: {fix}"


@dataclass(frozen=True, slots=True)
class OwnStorageGone:
    """No copies of the cluster's are kept on the node; those of other clusters stay.

    With ``needs_answer`` false, a node that does not answer, as a container that is gone
    already, is left as it is.
    """

    node: str
    folder: str
    cluster: str
    needs_answer: bool = True

    def probe(self) -> Command:
        """Succeed while the cluster's mark is there."""
        mark = f"{self.folder}/.clusters/{self.cluster}"
        return Command(("test", "-e", mark), timeout_s=30)

    def plan(self, seen: Result | None) -> Change:
        """Remove the copies with all that is of the cluster."""
        if seen is not None and seen.exit_code == 1:
            return Change(f"no copies are kept in {self.folder}")
        if seen is not None and not seen.ok and not self.needs_answer:
            return Change(f"{self.folder} cannot be looked at")
        if seen is not None:
            seen.check()
        remove = Command(("sh", "-c", _REMOVE, "sh", self.folder, self.cluster))
        summary = f"remove the copies in {self.folder}"
        return Change(summary, (Step(self.node, summary, remove, "-"),))

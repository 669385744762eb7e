"""Ensure that the cluster has a folder of its own on a machine, and that it is ours."""

from __future__ import annotations

import json
from dataclasses import dataclass

from clusterkit.command import Command, Put, Result, Step
from clusterkit.errors import ClusterkitError
from clusterkit.model.cluster import Cluster, Node
from clusterkit.payloads.job_protocol import JOB_VARIABLE
from clusterkit.tasks.base import LOOK_WITHIN_S, Change
from clusterkit.tasks.folder_gone import REMOVE

MANIFEST = "clusterkit.json"
_STRANGE, _EXPOSED = 3, 4
# Exit 1: not there, or empty but for drafts of the manifest, as an `up` leaves it that was stopped
# or found the disk full. A folder that is there must be this user's, have the manifest, and be
# closed.
_LOOK = """
test -e "$1" || exit 1
test -d "$1" && test -O "$1" || exit 3
test -f "$1/$2" || {
    test -z "$(find "$1" -mindepth 1 -maxdepth 1 ! -name "$2.*.part")" && exit 1; exit 3
}
test "$(stat -c %a -- "$1")" = 700 || exit 4
"""
_MAKE = """
umask 077
mkdir -p -- "$1" && chmod 700 -- "$1" && rm -f -- "$1/$2".*.part && exit
echo "Fix: let the user write in the home folder there, and see that it has free space" >&2
exit 1
"""
# What a job left, or what runs while nobody here can ask its supervisor, ends before its folder
# goes: $3 is the variable that its processes have. Whoever dies has an empty environment.
_REMOVE = (
    """
test -f "$1/$2" || { rm -f -- "$1/$2".*.part; rmdir -- "$1" 2>/dev/null; } || {
    echo "$1 has no $2: clusterkit did not make it" >&2; exit 1
}
tries=0
for job in "$1"/jobs/*; do
    test -d "$job" || continue
    while found=$(grep -lszxF -e "$3=${job##*/}" /proc/[0-9]*/environ 2>/dev/null)
        test -n "$found"
    do
        tries=$((tries + 1))
        test "$tries" -le 50 || { echo "processes of job ${job##*/} do not end" >&2; exit 1; }
        for file in $found; do
            pid=${file%/environ}
            kill -s KILL "${pid##*/}" 2>/dev/null
        done
        sleep 0.1
    done
done
"""
    + REMOVE
    + """
for folder in "${1%/*}" "${1%/*/*}"; do rmdir -- "$folder" 2>/dev/null || exit 0; done
"""
)


@dataclass(frozen=True, slots=True)
class OwnFolder:
    """The folder in which everything lies that clusterkit puts on this machine."""

    cluster: Cluster
    wanted: Node
    needs_answer: bool = True

    @property
    def node(self) -> str:
        """The node's name."""
        return self.wanted.name

    @property
    def path(self) -> str:
        """The folder."""
        return self.cluster.home_of(self.node)

    def probe(self) -> Command:
        """Look whether it is there, whose it is, and who may look into it."""
        return Command(("sh", "-c", _LOOK, "sh", self.path, MANIFEST), timeout_s=LOOK_WITHIN_S)

    def plan(self, seen: Result | None) -> Change:
        """Make it; one that is not ours is an error."""
        if seen is not None and seen.exit_code == _STRANGE:
            raise ClusterkitError(
                f"{self.node}: {self.path} is there, and clusterkit did not make it. "
                "Fix: move it away, or give the cluster another name"
            )
        if seen is not None and seen.ok:
            return Change(f"{self.path} is there")
        if seen is not None and seen.exit_code == _EXPOSED:
            close = Command(("chmod", "700", "--", self.path))
            step = Step(self.node, f"close {self.path} to others", close, "~")
            return Change(f"close {self.path}", (step,))
        make = Command(("sh", "-c", _MAKE, "sh", self.path, MANIFEST))
        manifest = Put(f"{self.path}/{MANIFEST}", self._manifest(), 0o600)
        return Change(
            f"make {self.path}",
            (
                Step(self.node, f"make {self.path}", make, "+"),
                Step(self.node, f"put {MANIFEST} there", manifest, "+"),
            ),
        )

    def _manifest(self) -> bytes:
        """What `down` wants to see before it removes the folder."""
        return json.dumps({"cluster": self.cluster.name, "node": self.node}).encode()


@dataclass(frozen=True, slots=True)
class OwnFolderGone:
    """The folder is gone, and those above it that clusterkit made and that are empty."""

    node: str
    path: str
    needs_answer: bool = True

    def probe(self) -> Command:
        """Succeed while the folder is there."""
        return Command(("test", "-e", self.path), timeout_s=LOOK_WITHIN_S)

    def plan(self, seen: Result | None) -> Change:
        """Remove it with all that is in it."""
        if seen is not None and seen.exit_code == 1:
            return Change(f"{self.path} is gone")
        if seen is not None:
            seen.check()
        remove = Command(("sh", "-c", _REMOVE, "sh", self.path, MANIFEST, JOB_VARIABLE))
        step = Step(self.node, f"remove {self.path}", remove, "-")
        return Change(f"remove {self.path}", (step,))

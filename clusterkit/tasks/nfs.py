"""Ensure that a machine has an NFS export mounted; and that what we mounted is unmounted again.

Mounting needs root, or sudo without a password. What is mounted already from the same export, by
whomever, is used as it is. A mark in the cluster's folder tells what we mounted ourselves.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass

from clusterkit.command import Command, Result, Step
from clusterkit.errors import ClusterkitError
from clusterkit.model.cluster import Cluster
from clusterkit.tasks.base import Change

OPTIONS = "rw,hard,nosuid,nodev,retry=0"
"""The version is the newest that both sides speak, and the sizes are as they agree on.

hard: a program waits for a server that is away, as a soft mount would lose what it writes.
retry=0: a server that does not answer now is told of now, not after two minutes.
"""
_PACKAGES = "nfs-common (Debian, Ubuntu), nfs-utils (Red Hat) or nfs-client (SUSE)"
# $1 is the path, $2 our mark. The path is looked into only where nothing is mounted on it: a
# server that is away would have us wait.
_LOOK = """
sed 's/^/mount /' /proc/self/mountinfo
test -e "$2" && echo marked
point=$(printf %s "$1" | sed 's/ /\\\\040/g')
if ! cut -d ' ' -f 5 /proc/self/mountinfo | grep -q -x -F -e "$point"; then
    test -n "$(ls -A -- "$1" 2>/dev/null)" && echo "not empty"
    test -e "$1" && ! test -d "$1" && echo "no folder"
fi
PATH="$PATH:/usr/sbin:/sbin"
command -v mount.nfs >/dev/null && echo "can mount"
if test "$(id -u)" = 0; then echo root; elif sudo -n true 2>/dev/null; then echo sudo; fi
id -un | sed 's/^/user /'
"""
# The mark comes first: a mount without it would stay for good. Where mounting fails, it goes.
_MOUNT = """
set -e
path=$1 source=$2 options=$3 mark=$4 made=
if test "$(id -u)" = 0; then root=; else root='sudo -n'; fi
test -d "$path" || { $root mkdir -p -- "$path"; made=made; }
printf '%s\\n' "$made" >"$mark"
if ! $root mount -t nfs -o "$options" -- "$source" "$path"; then
    rm -f -- "$mark"
    test -z "$made" || $root rmdir -- "$path"
    exit 1
fi
"""
_UNMOUNT = """
set -e
path=$1 mark=$2
if test "$(id -u)" = 0; then root=; else root='sudo -n'; fi
point=$(printf %s "$path" | sed 's/ /\\\\040/g')
if cut -d ' ' -f 5 /proc/self/mountinfo | grep -q -x -F -e "$point"; then
    $root umount -- "$path"
fi
test -z "$(cat -- "$mark")" || $root rmdir -- "$path" 2>/dev/null || true
rm -f -- "$mark"
"""
_ESCAPED = re.compile(r"\\([0-7]{3})")


def mounted_path(cluster: Cluster) -> str | None:
    """Where each machine mounts the export; None where there is none, or Docker mounts it."""
    carried = any(node.is_carried for node in cluster.nodes)
    return None if carried or cluster.storage.kind != "nfs" else cluster.storage.path


@dataclass(frozen=True, slots=True)
class NfsMounted:
    """``source`` (``server:/export``) is mounted on ``path``; ``home`` is the cluster's folder."""

    node: str
    source: str
    path: str
    home: str
    needs_answer: bool = True

    def probe(self) -> Command:
        """What is mounted, and whether this user may mount."""
        return Command(("sh", "-c", _LOOK, "sh", self.path, self._mark), timeout_s=30)

    def plan(self, seen: Result | None) -> Change:
        """Mount it where it is not; what is in the way is an error."""
        if seen is not None:
            lines = seen.check().stdout.splitlines()
            if self._is_mounted(mounts(lines)):
                by = "" if "marked" in lines else ", by somebody else"
                return Change(f"{self.source} is mounted on {self.path}{by}")
            self._refuse(lines)
        words = (_MOUNT, "sh", self.path, self.source, OPTIONS, self._mark)
        mount = Command(("sh", "-c", *words), timeout_s=150)
        summary = f"mount {self.source} on {self.path}, as root"
        return Change(summary, (Step(self.node, summary, mount, "+"),))

    def _is_mounted(self, found: tuple[Mount, ...]) -> bool:
        """Whether the path is the export, or the part of a larger one that has this name."""
        above = [mount for mount in found if _holds(mount.path, self.path)]
        if not above:
            return False
        nearest = max(enumerate(above), key=lambda pair: (len(pair[1].path), pair[0]))[1]
        rest = self.path[len(nearest.path.rstrip("/")) :]
        is_nfs = nearest.kind in ("nfs", "nfs4")
        return is_nfs and _written(nearest.source + rest) == _written(self.source)

    def _refuse(self, lines: list[str]) -> None:
        """Say what keeps us from mounting.

        Raises:
            ClusterkitError: With the fix.
        """
        there = [mount for mount in mounts(lines) if mount.path == self.path]
        by_hand = self._by_hand()
        user = next((line[5:] for line in lines if line.startswith("user ")), "this user")
        if there:
            what = f"{there[-1].source} ({there[-1].kind}) is mounted there already"
            fix = "unmount it, or correct `storage` in the inventory"
        elif "not empty" in lines:
            what = "it has files, which a mount would hide"
            fix = "set an empty or a new folder as `path`"
        elif "no folder" in lines:
            what, fix = "it is a file", "set an empty or a new folder as `path`"
        elif "can mount" not in lines:
            what, fix = "mount.nfs is not there", f"install {_PACKAGES}"
        elif not {"root", "sudo"} & set(lines):
            what = f"that needs root, and {user} may not call sudo without a password"
            fix = f"have one who may run this there, then run the same command again:\n{by_hand}"
        else:
            return
        raise ClusterkitError(
            f"{self.node}: {self.source} cannot be mounted on {self.path}: {what}. Fix: {fix}"
        )

    def _by_hand(self) -> str:
        """Lines for a person with a password; fstab mounts it again when the machine starts."""
        line = f"{_in_fstab(self.source)} {_in_fstab(self.path)} nfs {OPTIONS},_netdev 0 0"
        path = shlex.quote(self.path)
        return (
            f"    sudo mkdir -p {path}\n"
            f"    echo {shlex.quote(line)} | sudo tee -a /etc/fstab\n"
            f"    sudo mount {path}"
        )

    @property
    def _mark(self) -> str:
        return mark_of(self.home, self.path)


@dataclass(frozen=True, slots=True)
class NfsGone:
    """What we mounted on ``path`` is not mounted any more; what others mounted stays."""

    node: str
    path: str
    home: str
    needs_answer: bool = True

    def probe(self) -> Command:
        """Succeed while our mark is there."""
        return Command(("test", "-e", mark_of(self.home, self.path)), timeout_s=30)

    def plan(self, seen: Result | None) -> Change:
        """Unmount it; what is in it stays on the server."""
        if seen is not None and seen.exit_code == 1:
            return Change(f"nothing of ours is mounted on {self.path}")
        if seen is not None:
            seen.check()
        words = (_UNMOUNT, "sh", self.path, mark_of(self.home, self.path))
        unmount = Command(("sh", "-c", *words), timeout_s=60)
        summary = f"unmount {self.path}, as root"
        return Change(summary, (Step(self.node, summary, unmount, "-"),))


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/self/mountinfo."""

    path: str
    kind: str
    source: str


def mounts(lines: list[str]) -> tuple[Mount, ...]:
    """What a look saw as mounted, in order: of two on one path the last is what is seen."""
    found = []
    for line in lines:
        if not line.startswith("mount "):
            continue
        before, _, after = line.removeprefix("mount ").partition(" - ")
        path, (kind, source) = before.split()[4], after.split()[:2]
        found.append(Mount(_unescaped(path), kind, _unescaped(source)))
    return tuple(found)


def mark_of(home: str, path: str) -> str:
    """The file that says that we mounted something on ``path``."""
    return f"{home}/mounted-{hashlib.sha256(path.encode()).hexdigest()[:8]}"


def _holds(above: str, path: str) -> bool:
    return above == "/" or path == above or path.startswith(f"{above}/")


def _written(source: str) -> str:
    """A source as it is compared: with or without a slash at its end it is the same."""
    return source.rstrip("/")


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)


def _in_fstab(text: str) -> str:
    return text.replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011")

"""Ensure that a node has this version's payloads: one archive, unpacked under its own digest."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from clusterkit.command import Command, Put, Result, Step
from clusterkit.tasks.base import LOOK_WITHIN_S, Change

# Programs, and the page that one of them serves.
_CARRIED = (".py", ".html", ".css", ".js", ".svg")
_LOOK = 'test -d "$1"'
# Unpacked beside its place and moved there, so that a half-unpacked one is never used. Those of
# other versions, if there are any, go when they are a day old and no process was started from
# them; the script's own arguments among the processes show that these can be seen.
_UNPACK = """
set -e
new="$1.$$"
trap 'rm -rf "$new"' EXIT
mkdir -p -m 755 "$new"
tar -xzf - -C "$new"
mv -T "$new" "$1" 2>/dev/null || test -d "$1"
for old in "${1%/*}"/payload-*; do test "$old" = "$1" || break; done
test "$old" != "$1" || exit 0
running=$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n')
case "$running" in *"$1"*) ;; *) exit 0 ;; esac
for old in "${1%/*}"/payload-*; do
    case "$running" in *"$old"*) continue ;; esac
    if [ -n "$(find "$old" -maxdepth 0 -mtime +0)" ]; then rm -rf "$old"; fi
done
"""


@dataclass(frozen=True, slots=True)
class Payload:
    """The payload package on one node, in the folder :func:`payload_folder` under ``home``.

    ``from_start``: a new node comes with it.
    """

    node: str
    home: str
    from_start: bool = False
    needs_answer: bool = True

    def probe(self) -> Command:
        """Succeed when the folder is there."""
        return Command(
            ("sh", "-c", _LOOK, "sh", payload_folder(self.home)), timeout_s=LOOK_WITHIN_S
        )

    def plan(self, seen: Result | None) -> Change:
        """Unpack the archive when its folder is missing."""
        folder = payload_folder(self.home)
        if seen is None and self.from_start:
            return Change("comes with the container")
        if seen is not None and seen.ok:
            return Change("payloads are this version's")
        unpack = Command(("sh", "-c", _UNPACK, "sh", folder), stdin=archive())
        return Change("unpack payloads", (Step(self.node, f"unpack {folder}", unpack, "+"),))


def payload_folder(home: str) -> str:
    """Where a node has the payloads of this version of clusterkit."""
    return f"{home}/{payload_name()}"


def payload_name() -> str:
    """The name of that folder, which is this version's."""
    return f"payload-{_digest()[:12]}"


def payload_words(python: str, payloads: str, name: str, *words: str) -> tuple[str, ...]:
    """The words that run a payload which needs the standard library alone, and no site."""
    return (python, "-I", "-S", payloads, name, *words)


def payload_command(
    python: str, payloads: str, name: str, *words: str, timeout_s: float | None = None
) -> Command:
    """Run such a payload."""
    return Command(payload_words(python, payloads, name, *words), timeout_s=timeout_s)


def payload_files(home: str) -> tuple[Put, ...]:
    """The same files one by one, for a node that is not started yet."""
    folder = payload_folder(home)
    return tuple(Put(f"{folder}/{name}", content) for name, content in _all_sources())


@cache
def _digest() -> str:
    """Of the sources, not of the archive: every verb wants it, and to pack them takes 8 ms."""
    found = hashlib.sha256()
    for name, content in _all_sources():
        found.update(f"{name} {len(content)}\n".encode() + content)
    return found.hexdigest()


@cache
def archive() -> bytes:
    """The payload package as one gzipped tar, the same bytes for the same files."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name, content in _all_sources():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@cache
def _all_sources() -> list[tuple[str, bytes]]:
    return _sources(files("clusterkit.payloads"), "")


def _sources(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            found += _sources(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_CARRIED):
            found.append((f"{prefix}{entry.name}", entry.read_bytes()))
    return found

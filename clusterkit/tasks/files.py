"""Ensure that files have exactly their content and mode, and that others are absent."""

from __future__ import annotations

from dataclasses import dataclass

from clusterkit.command import Command, Put, Result, Step
from clusterkit.tasks.base import LOOK_WITHIN_S, Change

# Paths arrive as "$@": a script is a constant, so no value is ever parsed as shell.
_LOOK = 'stat -c "%a %n" -- "$@" 2>/dev/null; sha256sum -- "$@" 2>/dev/null; true'


@dataclass(frozen=True, slots=True)
class Files:
    """Files on one node, looked at in one round trip; ``absent`` ones are removed if found.

    ``from_start``: a new node comes with them, so that there is nothing to do but to look.
    """

    node: str
    files: tuple[Put, ...]
    absent: tuple[str, ...] = ()
    from_start: bool = False
    needs_answer: bool = True

    def probe(self) -> Command:
        """Print mode and digest of each file that is there."""
        paths = (*(file.path for file in self.files), *self.absent)
        return Command(("sh", "-c", _LOOK, "sh", *paths), timeout_s=LOOK_WITHIN_S)

    def plan(self, seen: Result | None) -> Change:
        """Write what is missing or differs, remove what must not be there."""
        if seen is None and self.from_start:
            return Change("comes with the container")
        modes, digests = read_listing(seen.check().stdout if seen else "")
        steps = [
            Step(self.node, summary, file, sign)
            for file in self.files
            if (summary := difference(file, modes.get(file.path), digests.get(file.path)))
            for sign in ("+" if summary.startswith("create") else "~",)
        ]
        steps += [
            Step(self.node, f"remove {path}", Command(("rm", "-f", "--", path)), "-")
            for path in self.absent
            if path in modes
        ]
        count = len(self.files)
        return Change(f"{count} file{'s' * (count != 1)} as they should be", tuple(steps))


def difference(file: Put, mode: str | None, digest: str | None) -> str | None:
    """What is to be done about one file, or None when it is as it should be."""
    if mode is None:
        return f"create {file.path}"
    if digest != file.sha256:
        return f"rewrite {file.path}"
    if int(mode, 8) != file.mode:
        return f"change mode of {file.path}: {mode} to {file.mode:o}"
    return None


def read_listing(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Split what the probe printed into path -> mode and path -> sha256."""
    modes: dict[str, str] = {}
    digests: dict[str, str] = {}
    for line in text.splitlines():
        word, _, path = line.partition(" ")
        if len(word) == 64:
            digests[path.removeprefix(" ")] = word
        else:
            modes[path] = word
    return modes, digests

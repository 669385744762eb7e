"""Read an ssh_config as ssh does: paramiko passes over Include, and takes comments for values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_INCLUDE = re.compile(r"\s*include(?:\s*=\s*|\s+)(.*)", re.IGNORECASE)
_BLOCK = re.compile(r"\s*(?:host|match)(?:\s*=\s*|\s+)", re.IGNORECASE)
_RAW = re.compile(r"\s*(?:\w*command|match)\b", re.IGNORECASE)  # to a shell `#` may be no comment
_UNCOMMENTED = re.compile(r'(?:"[^"]*"|\s(?!#)|[^"\s]|"[^"]*$)*')
_PATTERN = re.compile(r'"([^"]*)"|(\S+)')
_DEEPEST = 16  # as ssh has it


def lines_of(file: Path, folder: Path, *, depth: int = 0) -> Iterator[str]:
    """The lines of ``file``; each Include is replaced by what it names, relative to ``folder``.

    After an included file the block goes on in which the Include stands. A file that is not there
    or cannot be read has no lines, as ssh takes it.
    """
    block = "Host *"
    for line in _read(file):
        included = _INCLUDE.match(line)
        if included and depth < _DEEPEST:
            for each in _named(included[1], folder):
                yield from lines_of(each, folder, depth=depth + 1)
                yield block
            continue
        if _BLOCK.match(line):
            block = line
        yield line


def _read(file: Path) -> list[str]:
    try:
        return [_uncommented(line) for line in file.read_text(errors="replace").splitlines()]
    except OSError:
        return []


def _uncommented(line: str) -> str:
    """A line without the comment at its end, which paramiko would take for a part of the value."""
    found = _UNCOMMENTED.match(line)
    return line if _RAW.match(line) or not found else found[0]


def _named(patterns: str, folder: Path) -> Iterator[Path]:
    for quoted, plain in _PATTERN.findall(patterns):
        try:
            path = (folder / Path(quoted or plain).expanduser()).absolute()
            found = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
        except (RuntimeError, ValueError, NotImplementedError):  # no such user, or no pattern
            continue
        yield from (each for each in found if each.is_file())

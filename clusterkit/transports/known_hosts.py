"""Look up which host keys a machine may have, in files as OpenSSH writes them.

paramiko's own reader compares each line with all others, for each connection, and knows neither
patterns nor ``@revoked``. Here a file is read once, and only the lines of one host become keys.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

import paramiko
from paramiko.pkey import UnknownKeyType

_REVOKED = "@revoked"
_HASHED = "|1|"
_SPECIAL = ("*", "?", "!")
_READING = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Line:
    """One key, as text: most lines of a file are never asked for."""

    kind: str
    key: str
    revoked: bool


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The lines of one file, by what their names look like."""

    plain: dict[str, list[_Line]] = field(default_factory=dict[str, list[_Line]])
    hashed: list[tuple[bytes, bytes, _Line]] = field(
        default_factory=list[tuple[bytes, bytes, _Line]]
    )
    patterns: list[tuple[list[str], _Line]] = field(default_factory=list[tuple[list[str], _Line]])

    def lines(self, name: str) -> list[_Line]:
        """The lines about ``name``: a host, or ``[host]:port`` where the port is not 22."""
        name = name.lower()
        return [
            *self.plain.get(name, ()),
            *(line for salt, digest, line in self.hashed if _digest(salt, name) == digest),
            *(line for patterns, line in self.patterns if _matches(name, patterns)),
        ]


def trusted_keys(name: str, files: Iterable[Path]) -> list[paramiko.PKey]:
    """The keys that ``name`` may have, one of each type: the first, as paramiko takes it.

    A key that any of the files revokes is none of them. FileNotFoundError where one is not there.
    """
    keys: dict[str, paramiko.PKey] = {}
    for line in _trusted(name, files):
        key = _key(line)
        if key is not None:
            keys.setdefault(key.get_name(), key)
    return list(keys.values())


def is_trusted(name: str, key: paramiko.PKey, files: Iterable[Path]) -> bool:
    """Whether ``name`` may have this very key, be it the first of its type or a later one."""
    return any(line.key == key.get_base64() for line in _trusted(name, files))


def is_revoked(name: str, key: paramiko.PKey, files: Iterable[Path]) -> bool:
    """Whether one of the files says that ``name`` must not have this key."""
    text = key.get_base64()
    lines = (line for file in files for line in read(file).lines(name))
    return any(line.revoked and line.key == text for line in lines)


def file_with(name: str, key: paramiko.PKey, files: Iterable[Path]) -> Path | None:
    """The first of ``files`` that has this very key for ``name``."""
    text = key.get_base64()
    return next((f for f in files if any(line.key == text for line in read(f).lines(name))), None)


def _trusted(name: str, files: Iterable[Path]) -> list[_Line]:
    lines = [line for file in files for line in read(file).lines(name)]
    revoked = {line.key for line in lines if line.revoked}
    return [line for line in lines if line.key not in revoked]


def read(file: Path) -> KnownHosts:
    """What ``file`` holds now; it is read again only when it has changed."""
    stat = file.stat()
    with _READING:  # many connections open at the same moment
        return _read(file, stat.st_ino, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=16)
def _read(file: Path, *_changes: int) -> KnownHosts:
    known = KnownHosts()
    for text in file.read_text(errors="replace").splitlines():
        words = text.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#") or marker not in ("", _REVOKED):
            continue  # paramiko cannot check what a certificate authority has signed
        line = _Line(words[1], words[2], revoked=bool(marker))
        _sort_in(known, words[0], line)
    return known


def _sort_in(known: KnownHosts, names: str, line: _Line) -> None:
    if names.startswith(_HASHED):
        salt, _, digest = names.removeprefix(_HASHED).partition("|")
        try:
            known.hashed.append((base64.b64decode(salt), base64.b64decode(digest), line))
        except binascii.Error:
            return
    elif any(sign in names for sign in _SPECIAL):
        known.patterns.append((names.lower().split(","), line))
    else:
        for name in names.lower().split(","):
            known.plain.setdefault(name, []).append(line)


def _digest(salt: bytes, name: str) -> bytes:
    return hmac.digest(salt, name.encode(), "sha1")


def _matches(name: str, patterns: list[str]) -> bool:
    """Whether one of the patterns means ``name``, and none that begins with ``!``."""
    wanted = [p for p in patterns if not p.startswith("!")]
    unwanted = [p.removeprefix("!") for p in patterns if p.startswith("!")]
    return _any(name, wanted) and not _any(name, unwanted)


def _any(name: str, patterns: list[str]) -> bool:
    # In known_hosts square brackets are part of the name; in fnmatch they are a set.
    return any(fnmatchcase(name, pattern.replace("[", "[[]")) for pattern in patterns)


def _key(line: _Line) -> paramiko.PKey | None:
    try:
        return paramiko.PKey.from_type_string(line.kind, base64.b64decode(line.key))
    except (UnknownKeyType, paramiko.SSHException, binascii.Error, ValueError):
        return None

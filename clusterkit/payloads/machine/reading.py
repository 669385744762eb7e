"""Small files, programs and links of this machine, read without ever raising."""

from __future__ import annotations

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

ONE_PROGRAM_S = 20.0
later = ThreadPoolExecutor(64).submit
"""Have a thread of its own ask something, and go on meanwhile."""


def search_path() -> list[str]:
    """PATH, and where root's programs are: /usr/sbin is not on every user's PATH."""
    return [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/sbin", "/usr/bin"]


def find(name: str, folders: list[str]) -> str | None:
    """The path of a program, or None."""
    for folder in folders:
        path = os.path.join(folder, name)
        if folder and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def run(argv: list[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one program; one that hangs is ended."""
    try:
        ended = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ONE_PROGRAM_S,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, "", str(error)
    stdout, stderr = (said.decode("utf-8", "replace") for said in (ended.stdout, ended.stderr))
    return ended.returncode, stdout, stderr


def text(*path: str) -> str:
    """A small file's content without its ends; empty where it cannot be read."""
    try:
        with open(os.path.join(*path), errors="replace") as file:
            return file.read().strip()
    except OSError:  # also what /sys says of an interface that is down
        return ""


def whole(words: str) -> int | None:
    """The number that the words are; None where they are no number."""
    return int(words) if re.fullmatch(r"-?\d+", words) else None


def link(*path: str) -> str | None:
    """The name of what a link leads to; None where there is no link."""
    try:
        return os.path.basename(os.readlink(os.path.join(*path)))
    except OSError:
        return None


def free_space(path: str) -> list[dict[str, Any]]:
    """The file system that holds ``path``; nothing where it cannot be asked."""
    try:
        now = os.statvfs(path)
    except OSError:
        return []
    total, free = now.f_blocks * now.f_frsize, now.f_bavail * now.f_frsize
    return [{"path": path, "total_bytes": total, "free_bytes": free}]

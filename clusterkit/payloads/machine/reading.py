"""Small files, programs and links of this machine, read without ever raising."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from typing import Any, Callable  # noqa: UP035 - Python 3.8 has no other

ONE_PROGRAM_S = 20.0


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


class Later:
    """An answer that another thread prepares."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._said: Any = None
        self._ask = ask
        self._thread = threading.Thread(target=self._prepare, daemon=True)
        self._thread.start()

    def _prepare(self) -> None:
        self._said = self._ask()

    def answer(self) -> Any:
        """What was said, once it was; None where asking failed."""
        self._thread.join()
        return self._said

"""Run the programs of a build: their output line by line, and none of them left behind."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from clusterkit.payloads.digests import Stopped
from clusterkit.payloads.processes import (
    ancestors,
    exit_code,
    parents,
    read,
    reap,
    signal_group,
    signal_name,
    spawn,
)

BUILD_VARIABLE = "CLUSTERKIT_BUILD"
"""In the environment of every program of a build: the folder in which it works."""
_MPI_VARIABLES = ("OMPI_", "PMIX_", "PRTE_", "PMI_", "OPAL_", "ORTE_")
_GRACE_S = 3.0
_LOOK_EVERY_S = 0.1
_REDRAWN_EVERY_S = 0.5
_KEPT_LINES = 40
_LINE_BYTES = 1 << 16


class StageFailed(Exception):
    """A program could not be started, or ended otherwise than with 0."""


def environment(added: Mapping[str, str], work: Path) -> dict[str, str]:
    """Ours without MPI's, which would have the programs believe that they are ranks.

    What lies beside the interpreter is found first.
    """
    env = {name: value for name, value in os.environ.items() if not _is_mpis(name)}
    env.update(added)
    beside = os.path.dirname(sys.executable)  # noqa: PTH120 - it may be a link, and stays one
    env["PATH"] = os.pathsep.join([beside, env.get("PATH", os.defpath)])
    env[BUILD_VARIABLE] = str(work)
    env.setdefault("PYTHONUNBUFFERED", "1")  # lines come when they are written
    return env


def _is_mpis(name: str) -> bool:
    return name.startswith(_MPI_VARIABLES)


def end_builds_in(work: Path) -> None:
    """Kill the programs that still work in a folder which nobody holds."""
    mark = f"{BUILD_VARIABLE}={work}".encode()
    for pid in parents():
        if mark in read(f"/proc/{pid}/environ").split(b"\0"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


class Stages:
    """Runs one program after another. ``last_lines`` are those of the latest."""

    def __init__(self, tell: Callable[..., None], log: Path, stop: threading.Event) -> None:
        self._tell = tell
        self._log = log
        self._stop = stop
        self._redrawn_at = 0.0
        self._is_first = True
        self.last_lines: deque[str] = deque(maxlen=_KEPT_LINES)

    def run(
        self, name: str, words: Sequence[str], env: Mapping[str, str], cwd: str | None
    ) -> None:
        """Run one to its end.

        Raises StageFailed if it failed, and Stopped if all is to end.
        """
        program = shutil.which(words[0], path=env["PATH"])
        if program is None:
            raise StageFailed(
                f"{name}: there is no `{words[0]}` beside {sys.executable} or on PATH. Fix: set "
                "`python` to the interpreter that has the engine's packages, or install them"
            )
        if cwd is not None and not Path(cwd).is_dir():
            raise StageFailed(f"{name}: there is no folder {cwd}. Fix: correct `engine.examples`")
        self.last_lines.clear()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb" if self._is_first else "ab", buffering=0) as log:
            self._is_first = False
            log.write(f"$ {' '.join(words)}\n".encode())
            code = self._follow([program, *words[1:]], env, cwd or "/", log.fileno())
            log.write(f"\n[{_how(code)}]\n".encode())
        if self._stop.is_set():
            raise Stopped
        if code:
            raise StageFailed(f"{name} {_how(code)}")

    def _follow(self, argv: Sequence[str], env: Mapping[str, str], cwd: str, log: int) -> int:
        ours, theirs = os.pipe()
        pid = spawn(argv, env=env, cwd=cwd, fds={1: theirs, 2: theirs}, session=True)
        os.close(theirs)
        lines = _Lines(self._take)
        code, killed_at, told_at = None, 0.0, 0.0
        try:
            while True:
                if code is None:
                    ended, status = os.waitpid(pid, os.WNOHANG)
                    code = exit_code(status) if ended else None
                    if code is not None:
                        signal_group(pid, signal.SIGKILL)  # its workers, if any are left
                data = self._read(ours)  # after that look: all that it wrote is there by now
                if data:
                    os.write(log, data)
                    lines.add(data)
                elif code is not None:
                    break  # what holds the pipe besides has a session of its own
                elif data == b"":
                    time.sleep(_LOOK_EVERY_S)  # it closed its output, and works on
                now = time.monotonic()
                if self._stop.is_set() and not told_at:
                    signal_group(pid, signal.SIGTERM)
                    told_at = now
                if told_at and now - told_at > _GRACE_S and not killed_at:
                    signal_group(pid, signal.SIGKILL)
                    killed_at = now
        finally:
            os.close(ours)
            lines.end()
            _end_descendants()
        return code

    @staticmethod
    def _read(fd: int) -> bytes | None:
        """What came; empty at the end; None if nothing came for a moment."""
        ready, _, _ = select.select([fd], [], [], _LOOK_EVERY_S)
        return os.read(fd, 1 << 16) if ready else None

    def _take(self, line: str, is_redrawn: bool) -> None:
        """Pass a line on; of one that is drawn over and over, some."""
        if is_redrawn:
            now = time.monotonic()
            if now - self._redrawn_at < _REDRAWN_EVERY_S:
                return
            self._redrawn_at = now
        self.last_lines.append(line)
        self._tell(event="output", line=line)


class _Lines:
    """Splits bytes into lines; a progress bar ends its own with a carriage return.

    A line without end comes in pieces, as the program waits while it is searched.
    """

    def __init__(self, take: Callable[[str, bool], None]) -> None:
        self._take = take
        self._rest = b""

    def add(self, data: bytes) -> None:
        """Take what came."""
        text = self._rest + data.replace(b"\r\n", b"\n")
        while True:
            ends = [at for at in (text.find(b"\n"), text.find(b"\r")) if at >= 0]
            if not ends:
                self._rest = text
                if len(text) > _LINE_BYTES:
                    self.end()
                return
            at = min(ends)
            self._hand_over(text[:at], text[at : at + 1] == b"\r")
            text = text[at + 1 :]

    def end(self) -> None:
        """The last line has no end."""
        self._hand_over(self._rest, False)
        self._rest = b""

    def _hand_over(self, line: bytes, is_redrawn: bool) -> None:
        if line.strip():
            self._take(line.decode("utf-8", "replace"), is_redrawn)


def _end_descendants() -> None:
    """Kill what a program left behind, wherever it put itself."""
    for _ in range(100):
        reap()
        tree = parents()
        mine = [pid for pid in tree if pid != os.getpid() and os.getpid() in ancestors(pid, tree)]
        if not mine:
            return
        for pid in mine:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _how(code: int) -> str:
    name = signal_name(code)
    return f"was ended by {name}" if name else f"exited with {code}"

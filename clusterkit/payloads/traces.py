"""Have the programs of ranks tell where they hang: by py-spy, or by Python's own faulthandler.

py-spy looks from outside. Without it SIGABRT makes a Python that was started with
PYTHONFAULTHANDLER write its stacks to stderr; then it ends, without a core file.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import time
from collections.abc import Callable, Mapping

from clusterkit.payloads.job_protocol import LineSplitter
from clusterkit.payloads.loop import Loop
from clusterkit.payloads.processes import parents, read, signal_group, spawn, state_of

_PY_SPY_WITHIN_S = 3.0
_FAULT_WITHIN_S = 1.5
_POLL_S = 0.05
_READY = b"PYTHONFAULTHANDLER="


class Traces:
    """Asks the ranks of this node at once; ``done(why)`` has a line for each without a trace."""

    def __init__(
        self,
        loop: Loop,
        ranks: Mapping[int, int],
        python: str,
        tell: Callable[[int, list[str]], None],
        done: Callable[[dict[int, str]], None],
    ) -> None:
        self._loop, self._tell, self._done = loop, tell, done
        self._why: dict[int, str] = {}
        self._open: dict[int, int] = {}
        self._traced: set[int] = set()
        tree = parents()
        self._programs = {rank: family(pid, tree) for rank, pid in ranks.items()}
        if py_spy := _find_py_spy(python):
            for rank, pids in self._programs.items():
                for pid in filter(is_python, pids):
                    self._dump(py_spy, rank, pid)
        self._until = time.monotonic() + _PY_SPY_WITHIN_S
        self._wait_for_py_spy()

    def _dump(self, py_spy: str, rank: int, pid: int) -> None:
        """Start py-spy, and pass on what it finds."""
        reader, writer = os.pipe()
        words = [py_spy, "dump", "--pid", str(pid)]
        child = spawn(words, env=os.environ, fds={1: writer, 2: writer}, session=True)
        os.close(writer)
        self._open[reader] = child
        splitter, said = LineSplitter(1 << 16), [""]

        def take() -> None:
            data = os.read(reader, 1 << 16)
            lines = splitter.feed(data) if data else splitter.end()
            said.extend(line.decode(errors="replace") for line in lines)
            if data:
                return
            self._close(reader)
            if any(line.startswith("Thread ") for line in said):
                self._traced.add(rank)
                self._tell(rank, said[1:])
            else:
                self._why[rank] = f"py-spy: {' '.join(said[-1].split())}"

        self._loop.on_readable(reader, take)

    def _wait_for_py_spy(self) -> None:
        if self._open and time.monotonic() < self._until:
            self._loop.after(_POLL_S, self._wait_for_py_spy)
            return
        for reader, child in list(self._open.items()):
            signal_group(child, signal.SIGKILL)
            self._close(reader)
        self._ask_python()

    def _ask_python(self) -> None:
        """Abort what is Python and has no trace yet; those that it started first."""
        asked: list[int] = []
        for rank, pids in self._programs.items():
            if rank in self._traced:
                continue
            ready = [pid for pid in pids if is_python(pid) and can_tell(pid)]
            asked += ready
            if not ready:
                self._why[rank] = self._why.get(rank) or why_not(pids)
            elif all(state_of(pid) == "T" for pid in ready):
                self._why[rank] = "it was stopped by a signal (SIGSTOP)"
            else:
                self._why.pop(rank, None)
        tree = parents()
        last = [pid for pid in asked if not set(family(pid, tree)[1:]) & set(asked)]
        self._abort(last, then=[pid for pid in asked if pid not in last])

    def _abort(self, pids: list[int], then: list[int]) -> None:
        """Abort programs, and ``then`` those that started them, and may pass on their words."""
        for pid in pids:
            abort(pid)
        self._until = time.monotonic() + _FAULT_WITHIN_S
        self._wait_for(pids, then)

    def _wait_for(self, pids: list[int], then: list[int]) -> None:
        alive = [pid for pid in pids if state_of(pid) not in (None, "Z", "T")]
        if alive and time.monotonic() < self._until:
            self._loop.after(_POLL_S, lambda: self._wait_for(alive, then))
        elif then:
            self._loop.after(_POLL_S, lambda: self._abort(then, []))
        else:
            self._loop.after(_POLL_S, lambda: self._done(self._why))

    def _close(self, reader: int) -> None:
        if self._open.pop(reader, None) is not None:
            self._loop.forget(reader)
            os.close(reader)


def family(pid: int, tree: Mapping[int, int]) -> list[int]:
    """A process and all below it, parents first; ``tree`` maps each to its parent."""
    found = [pid]
    for each in found:  # which grows meanwhile
        found += sorted(child for child, parent in tree.items() if parent == each)
    return found


def is_python(pid: int) -> bool:
    """Whether a process runs Python."""
    try:
        program = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115 - pathlib costs its start 10 ms
    except OSError:
        return False
    if program.rpartition("/")[2].startswith(("python", "pypy")):
        return True
    return b"/libpython" in read(f"/proc/{pid}/maps")


def can_tell(pid: int) -> bool:
    """Whether SIGABRT makes a Python process write its stacks."""
    variables = read(f"/proc/{pid}/environ").split(b"\0")
    return any(v.startswith(_READY) and len(v) > len(_READY) for v in variables)


def why_not(pids: list[int]) -> str:
    """Why there is no trace of a rank's programs, and what the kernel says of the last one."""
    last = pids[-1]
    name = read(f"/proc/{last}/comm").decode(errors="replace").strip()
    if not name:
        return "its program has ended"
    what = "it runs Python without PYTHONFAULTHANDLER" if is_python(last) else "it is no Python"
    words = {
        "T": "stopped by a signal (SIGSTOP)",
        "D": "waits for a disk or a device",
        "R": "runs",
    }
    state = state_of(last) or "Z"
    asleep = read(f"/proc/{last}/wchan").decode(errors="replace")
    how = words.get(state) or (f"sleeps in {asleep}" if asleep not in ("", "0") else "sleeps")
    return f"`{name}` (pid {last}) {how}; {what}"


def abort(pid: int) -> None:
    """Send SIGABRT, and let the kernel write no core file, nor hand one to a program."""
    try:
        _, hard = resource.prlimit(pid, resource.RLIMIT_CORE)
        # 1 byte: too little for a file, and to the kernel a sign to start no program with it
        soft = 0 if hard == 0 else 1
        resource.prlimit(pid, resource.RLIMIT_CORE, (soft, hard))
        os.kill(pid, signal.SIGABRT)
    except (ProcessLookupError, PermissionError):
        return


def _find_py_spy(python: str) -> str | None:
    beside = f"{python.rpartition('/')[0]}/py-spy"
    return beside if os.access(beside, os.X_OK) else shutil.which("py-spy")

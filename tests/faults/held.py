"""What the processes of a server hold, looked at from outside while it works."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.serving import Serving

_EVERY_S = 5.0
_OF_A_RANK = """
awk '/^VmRSS/ {print $2}' "/proc/$1/status"
ls "/proc/$1/fd" | wc -l
ls -l "/proc/$1/fd" | grep -c socket: || :
ls "/proc/$1/task" | wc -l
"""


@dataclass(frozen=True)
class Held:
    """By one process, at one moment; ``at_s`` since the first look."""

    at_s: float
    rss_kib: int
    open_files: int
    sockets: int
    threads: int


class Watch:
    """Looks at every rank, and at the `serve` that leads there, until told to stop.

    ``seen`` has the looks at each process, the oldest first.
    """

    def __init__(self, serving: Serving) -> None:
        self._pair = serving.pair
        ranks = serving.pair.answer("jobs", "show", serving.job)["ranks"]
        self._ranks = {f"rank {row['rank']}": (row["node"], str(row["pid"])) for row in ranks}
        self._controller = serving.process.pid
        self.seen: dict[str, list[Held]] = {name: [] for name in (*self._ranks, "`serve`")}
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Look every few seconds from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """Look once at all of them."""
        at_s = time.monotonic() - self._began
        for name, (node, pid) in self._ranks.items():
            numbers = self._pair.inside(node, "sh", "-c", _OF_A_RANK, "sh", pid).split()
            self.seen[name].append(Held(at_s, *map(int, numbers)))
        self.seen["`serve`"].append(_of_process(self._controller, at_s))

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY_S):
            self.look()


def _of_process(pid: int, at_s: float) -> Held:
    """The same of a process of this machine."""
    folder = Path(f"/proc/{pid}")
    pages = int((folder / "statm").read_text().split()[1])
    files = [file.readlink() for file in (folder / "fd").iterdir() if file.is_symlink()]
    return Held(
        at_s,
        pages * os.sysconf("SC_PAGE_SIZE") // 1024,
        len(files),
        sum(str(file).startswith("socket:") for file in files),
        len(list((folder / "task").iterdir())),
    )

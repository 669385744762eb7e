"""How often the kernel killed for lack of memory in this process's cgroup, and at which limit.

It counts what it killed, in cgroup v1 and v2 alike; a container engine often does not notice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from clusterkit.payloads.processes import read

_NO_LIMIT_FROM = 1 << 60  # v1 says "no limit" with a number that no machine has


class Memory(NamedTuple):
    """``kills`` so far, of all in the cgroup; ``limit_bytes`` None: only the machine's memory."""

    kills: int
    limit_bytes: int | None


def memory_now(root: str = "") -> Memory:
    """The counters of this process's own cgroup; ``root`` is where to look, for tests."""
    for folder, top, names in _places(root):
        counters = read(f"{folder}/{names[0]}").decode(errors="replace")
        kills = [line.split()[1] for line in counters.splitlines() if line[:9] == "oom_kill "]
        if kills:
            return Memory(int(kills[0]), _limit(folder, top, names[1]))
    return Memory(0, None)


def _places(root: str) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """Where the counters may be: the cgroup as the kernel names it, else all that is mounted.

    In a container the name is often that outside of it, and its own cgroup is the mount.
    """
    v1, v2 = ("memory.oom_control", "memory.limit_in_bytes"), ("memory.events", "memory.max")
    for line in read(f"{root}/proc/self/cgroup").decode(errors="replace").splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            top, names = f"{root}/sys/fs/cgroup/memory", v1
        elif not controllers:
            top, names = f"{root}/sys/fs/cgroup", v2
        else:
            continue
        own = path.rstrip("/")
        yield from ((f"{top}{own}", top, names), (top, top, names))


def _limit(folder: str, top: str, name: str) -> int | None:
    """The lowest limit of the cgroup and those around it."""
    limits = []
    while folder.startswith(top):
        text = read(f"{folder}/{name}").strip()
        if text.isdigit() and int(text) < _NO_LIMIT_FROM:
            limits.append(int(text))
        folder = os.path.dirname(folder)  # noqa: PTH120 - pathlib costs its start 10 ms
    return min(limits) if limits else None

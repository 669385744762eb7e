"""Sum up many large files at once; hashlib lets other threads run meanwhile."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_CHUNK = 1 << 22
_BEAT_S = 0.5
_MOST_AT_ONCE = 8


class Stopped(Exception):
    """Nobody waits for the digests any more."""


def digests(
    files: Mapping[str, Path],
    *,
    told: Callable[[int, int], None],
    stop: threading.Event | None = None,
    sync: bool = False,
) -> dict[str, str]:
    """The sha256 of each file, by name; ``told`` gets the bytes done and all, now and then.

    ``sync``: what was written of them is on the disk afterwards.
    """
    total = sum(path.stat().st_size for path in files.values())
    lock = threading.Lock()
    state = {"done": 0, "told_at": time.monotonic()}

    def count(size: int) -> None:
        if stop is not None and stop.is_set():
            raise Stopped
        with lock:
            state["done"] += size
            now = time.monotonic()
            if now - state["told_at"] >= _BEAT_S:
                state["told_at"] = now
                told(int(state["done"]), total)

    def digest(path: Path) -> str:
        found = hashlib.sha256()
        with path.open("rb") as stream:
            if sync:
                os.fsync(stream.fileno())
            for block in iter(lambda: stream.read(_CHUNK), b""):
                found.update(block)
                count(len(block))
        return found.hexdigest()

    at_once = min(_MOST_AT_ONCE, len(os.sched_getaffinity(0)))
    with ThreadPoolExecutor(at_once) as pool:
        found = {name: pool.submit(digest, path) for name, path in files.items()}
        return {name: future.result() for name, future in found.items()}

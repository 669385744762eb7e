"""Secrets that are planted, and a watch over the command lines of all processes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

CANARIES = tuple(f"canary-{what}-5e1f0c93" for what in ("env", "token", "prompt", "own"))
"""In the environment of containers, in one by the name of a secret, in a prompt, and in that of
the process itself."""


class Processes:
    """Looks at /proc/*/cmdline over and over, and keeps which secrets it saw there."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self.told: set[str] = set()
        self.seen = 0
        self._secrets = [(secret, secret.encode()) for secret in secrets]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Processes:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        known: dict[str, bytes] = {}
        while not self._ended.wait(0.002):
            now: dict[str, bytes] = {}
            for folder in Path("/proc").iterdir():
                if folder.name.isdigit():
                    try:
                        now[folder.name] = (folder / "cmdline").read_bytes()
                    except OSError:  # it has ended
                        continue
            for pid, words in now.items():
                if known.get(pid) != words:
                    self.seen += 1
                    self.told |= {name for name, secret in self._secrets if secret in words}
            known = now

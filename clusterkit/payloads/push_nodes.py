"""One receiving node, as the head sees it: an ssh that carries orders and answers."""

from __future__ import annotations

import contextlib
import json
import queue
import shlex
import subprocess
import threading
import time
from typing import Any, Dict, List, Mapping, Optional  # noqa: UP035

from clusterkit.payloads.send_model import SSH

_LAST_LINES = 3


class Node:
    """A node and what it last said. ``has``: how much it has of each file that it wants."""

    def __init__(self, row: Mapping[str, Any], config: str, heard: queue.Queue[Any]) -> None:
        self.name: str = row["name"]
        self.address: str = row["address"]
        self.has: Optional[Dict[str, int]] = None  # noqa: UP006, UP045
        self.port = 0
        self.round = -1
        self.state: Optional[Mapping[str, float]] = None  # noqa: UP045
        self.ended = False
        self.publishes: Optional[float] = None  # noqa: UP045 - since when
        self.spoke = self.moved = time.monotonic()
        self.done = 0
        self._looked_at = 0
        self._heard = heard
        words = (row["python"], "-I", "-S", row["payloads"], "receive_engine")
        # Of what ssh is given it makes one line for the login shell there.
        argv = ["ssh", "-F", config, *SSH, "--", self.name, shlex.join(words)]
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def listen(self, order: Mapping[str, Any]) -> None:
        """Send the first order and hand over what the node says, in threads of their own."""
        said: List[str] = []  # noqa: UP006
        log = threading.Thread(target=self._log, args=(said,), daemon=True)
        log.start()
        threading.Thread(target=self._follow, args=(order, log, said), daemon=True).start()

    def tell(self, **row: Any) -> None:
        """Send one order; a node that is gone takes none."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(row).encode() + b"\n")
            self._process.stdin.flush()

    def end(self) -> None:
        """Cut it off; what it has stays there."""
        self._process.kill()
        self._process.wait()

    def take_beat(self, row: Mapping[str, Any]) -> None:
        """Note how far it is, and whether that is further than before."""
        if (row["done"], row["looked_at"]) != (self.done, self._looked_at):
            self.moved = time.monotonic()
        self.done, self._looked_at, self.state = row["done"], row["looked_at"], row["state"]

    def _follow(self, order: Mapping[str, Any], log: threading.Thread, said: List[str]) -> None:  # noqa: UP006
        self.tell(**order)
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        for line in self._process.stdout:
            self.spoke = time.monotonic()
            with contextlib.suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict) and "event" in row:
                    self._heard.put((self, row))
        code = self._process.wait()
        log.join()
        why = "; ".join(said[-_LAST_LINES:]) or f"its receiver ended with {code}"
        self._heard.put((self, {"event": "ended", "why": why}))

    def _log(self, said: List[str]) -> None:  # noqa: UP006
        assert self._process.stderr is not None  # noqa: S101 - it is a pipe
        for line in self._process.stderr:
            if text := line.decode(errors="replace").strip():
                said.append(text)
                del said[:-_LAST_LINES]

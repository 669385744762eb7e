"""A chain of nodes on loopback addresses: real processes and connections, and no sshd.

What stands for ssh runs the command here; so the head's part is as it is on a cluster.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.model import PAYLOADS

DEADLINE_S = 60
_SSH = """#!/bin/sh
for word in "$@"; do last=$word; done
exec sh -c "exec $last"
"""
ENGINE = "llama-tp1-pp2-0123456789ab"
MIB = 1 << 20
SMALL = {
    "config.json": b"{}",
    "empty": b"",
    "rank0.engine": os.urandom(3 * MIB + 17),
    "rank1.engine": os.urandom(2 * MIB),
    "tokenizer/tokenizer.json": b"t" * 1000,
}
LARGE = {"config.json": b"{}", "rank0.engine": os.urandom(96 * MIB + 5)}
"""More than all buffers of a chain of four hold."""
PATIENCE = {"silence_s": 2.0, "standstill_s": 3.0}


def write_engine(folder: Path, files: Mapping[str, bytes]) -> dict[str, Any]:
    """A published engine; its manifest."""
    rows = {}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        rows[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    ranks = sorted(name for name in files if name.startswith("rank"))
    engine = {"rank_files": [[name] for name in ranks], "common_files": ["config.json"]}
    manifest = {"format": 1, "name": "llama", "files": rows, "shape": {}, "engine": engine}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return manifest


@dataclass
class Chain:
    """A head with an engine, and nodes with an address and a folder each."""

    root: Path
    files: Mapping[str, bytes]
    wants: Mapping[str, Sequence[str]]
    payloads: Path = PAYLOADS
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.manifest = write_engine(self.root / "head" / ENGINE, self.files)
        bin_folder = self.root / "bin"
        bin_folder.mkdir()
        (bin_folder / "ssh").write_text(_SSH)
        (bin_folder / "ssh").chmod(0o755)

    def target(self, node: str) -> Path:
        return self.root / node / ENGINE

    def part(self, node: str) -> Path:
        return self.root / node / f"{ENGINE}.part"

    def order(self) -> dict[str, Any]:
        folder = str(self.root / "head" / ENGINE)
        nodes = [
            {
                "name": node,
                "address": f"127.0.77.{number}",
                "python": sys.executable,
                "payloads": str(self.payloads),
                "folder": str(self.target(node)),
                "names": list(names),
            }
            for number, (node, names) in enumerate(self.wants.items(), 1)
        ]
        return {"folder": folder, "nodes": nodes, **PATIENCE}

    def start(self, order: dict[str, Any] | None = None) -> Push:
        """Start the head's part."""
        argv = [sys.executable, "-I", "-S", str(self.payloads), "push_engine", "no-config"]
        path = f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return Push(argv, {**os.environ, "PATH": path}, order or self.order())

    def push(self, order: dict[str, Any] | None = None) -> tuple[int, list[dict[str, Any]]]:
        """Push to the end: the exit code, and how it ended for each node."""
        with self.start(order) as push:
            return push.end()

    def has(self, node: str) -> dict[str, bytes]:
        """What is published there, without the manifest."""
        return contents(self.target(node))

    def wanted(self, node: str) -> dict[str, bytes]:
        """What is to be there."""
        return {name: self.files[name] for name in self.wants[node]}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but the manifest."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    names = {str(path.relative_to(folder)): path for path in paths}
    return {name: path.read_bytes() for name, path in names.items() if name != "manifest.json"}


class Push:
    """A push that runs; it is ended with the context."""

    def __init__(self, argv: list[str], env: Mapping[str, str], order: dict[str, Any]) -> None:
        self.process = subprocess.Popen(
            argv,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        self.rows: list[dict[str, Any]] = []
        self._news: queue.Queue[None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Push:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.processes():
            os.kill(pid, signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdin is not None
        self.process.stdin.close()
        wait_until(lambda: not self.processes())
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.rows.append(json.loads(line))

    def end(self) -> tuple[int, list[dict[str, Any]]]:
        """Wait for the end; the exit code, and every row but progress."""
        code = self.process.wait(DEADLINE_S)
        self._reader.join()
        assert self.process.stderr is not None
        assert self.process.stderr.read() == b""
        return code, [row for row in self.rows if row["event"] != "progress"]

    def processes(self) -> list[int]:
        """All that belong to this push, but the head's part."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                words = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            pid = int(stat.parent.name)
            if int(words[3]) == self.process.pid != pid and words[0] != "Z":
                found.append(pid)
        return found

    def receiver(self, chain: Chain, node: str) -> int:
        """The process of one node: the one that holds the lock of its folder."""
        lock = chain.part(node) / ".lock"
        for pid in self.processes():
            for link in Path(f"/proc/{pid}/fd").glob("*"):
                try:
                    if link.readlink() == lock:
                        return pid
                except OSError:
                    continue
        raise LookupError(node)


def wait_until(done: Callable[[], bool]) -> None:
    """Poll with a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def chain_of(folder: Path, count: int, files: dict[str, bytes] | None = None) -> Chain:
    found = SMALL if files is None else files
    return Chain(folder, found, {f"node{number}": list(found) for number in range(1, count + 1)})


def placed(*nodes: str) -> list[dict[str, Any]]:
    return [{"event": "placed", "node": node} for node in nodes]


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["node"], row["event"]))


def left(chain: Chain, node: str) -> list[str]:
    return sorted(path.name for path in (chain.root / node).iterdir())


def part_size(chain: Chain, node: str) -> int:
    path = chain.part(node) / "rank0.engine"
    return path.stat().st_size if path.exists() else 0


def damage(path: Path, *, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))

"""Copy a built model to other nodes: `send_model FOLDER SSH_CONFIG NODES`, a few at once.

NODES is JSON: name, Python and payloads of each. ssh, with the configuration of the cluster, runs
`receive_model` there. Progress and how each copy ended are lines of JSON on stdout; a node that
fails stops no other. stdin is a lifeline: when it ends, the one who asked is gone, so are the
copies that are under way, and the nodes remove what has come of them.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

from clusterkit.payloads.convert import tell
from clusterkit.payloads.model_protocol import CHUNK_BYTES, MANIFEST, PATIENCE_S

_AT_ONCE = 8
_TELL_EVERY_S = 0.5
_ANSWER_TIMEOUT_S = 600  # a disk may take its time with the last gigabytes
# ServerAlive ends ssh where the node is cut off or down.
SSH = ("-T", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3")


def main() -> NoReturn:
    """Exit with 0: all have it; 1: those that were told of as failed do not."""
    folder, config, nodes = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    running: set[subprocess.Popen[bytes]] = set()
    threading.Thread(target=_end_with_stdin, args=(running,), daemon=True).start()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        done = list(pool.map(lambda node: _send(folder, config, node, running), nodes))
    sys.exit(0 if all(done) else 1)


def _end_with_stdin(running: set[subprocess.Popen[bytes]]) -> NoReturn:
    while os.read(0, 4096):
        pass
    for process in list(running):
        process.kill()
    os._exit(1)


def _send(
    folder: Path, config: str, node: dict[str, str], running: set[subprocess.Popen[bytes]]
) -> bool:
    """Copy to one node; whether it has the model now."""
    words = (node["python"], "-I", "-S", node["payloads"], "receive_model", str(folder))
    # Of what ssh is given it makes one line for the login shell there.
    argv = ["ssh", "-F", config, *SSH, "--", node["name"], shlex.join(words)]
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    running.add(process)
    try:
        why = _stream(folder, node["name"], process) or _answer(process)
    except OSError as error:
        why = f"{error}. Fix: run the same command again"
    finally:
        process.kill()
        process.wait()
        running.discard(process)
    if why:
        tell(event="failed", node=node["name"], why=why)
        return False
    tell(event="placed", node=node["name"])
    return True


def _stream(folder: Path, name: str, process: subprocess.Popen[bytes]) -> str | None:
    """Send all, or as much as is taken; why no more is taken where nobody will say it."""
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    pipe = process.stdin.fileno()
    os.set_blocking(pipe, False)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    total = sum(file["size"] for file in manifest["files"].values())
    done, told = 0, 0.0
    try:
        _write(pipe, json.dumps(manifest).encode() + b"\n")
        for chunk in _contents(folder, sorted(manifest["files"])):
            _write(pipe, chunk)
            done += len(chunk)
            if time.monotonic() - told > _TELL_EVERY_S:
                told = time.monotonic()
                tell(event="progress", node=name, done=done, total=total)
    except TimeoutError as error:
        return str(error)
    except BrokenPipeError:
        pass  # the node says why
    finally:
        process.stdin.close()
        process.stdin = None
    return None


def _contents(folder: Path, names: list[str]) -> Iterator[bytes]:
    for name in names:
        with (folder / name).open("rb") as file:
            yield from iter(lambda: file.read(CHUNK_BYTES), b"")


def _write(pipe: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        if not select.select([], [pipe], [], PATIENCE_S)[1]:
            raise TimeoutError(
                f"it took nothing for {PATIENCE_S:g} s. Fix: see that the node and its disk "
                "are well, then run the same command again"
            )
        view = view[os.write(pipe, view) :]


def _answer(process: subprocess.Popen[bytes]) -> str | None:
    """Why the node does not have the model; None: it has."""
    try:
        out, said = process.communicate(timeout=_ANSWER_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return "it gives no answer. Fix: see that the node and its disk are well"
    for line in out.decode(errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and row.get("event") == "failed":
            return str(row["why"])
        if isinstance(row, dict) and row.get("event") == "placed" and process.returncode == 0:
            return None
    last = said.decode(errors="replace").strip().splitlines()[-3:]
    why = "; ".join(line.strip() for line in last) or f"exit {process.returncode}"
    return f"{why}. Fix: see that the head can log in there, with `clusterkit doctor`"

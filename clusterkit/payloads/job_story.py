"""Tell a job again from what is on file, as its owner heard it, and go on while it runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from clusterkit.payloads.job_protocol import LineSplitter, Message
from clusterkit.payloads.job_record import TOLD, log_name

_LOOK_EVERY_S = 0.1


def tell(logs: Path, is_open: Callable[[], bool]) -> Iterator[Message]:
    """Every message in its order, with ``at``, its time; the last is ``end`` or ``died``."""
    files: dict[str, BinaryIO] = {}
    splitter = LineSplitter(1 << 30)
    try:
        while True:
            was_open = is_open()  # before we read: nothing is written after its end
            for line in splitter.feed(_rest_of(files, logs / TOLD)):
                message = _with_lines(json.loads(line), files, logs)
                yield message
                if message["t"] == "end":
                    return
            if not was_open:
                yield {"t": "died"}
                return
            time.sleep(_LOOK_EVERY_S)
    finally:
        for file in files.values():
            file.close()


def _with_lines(message: Message, files: dict[str, BinaryIO], logs: Path) -> Message:
    """The message with its lines, which follow those of the last one in the same log."""
    if "bytes" not in message:
        return message
    file = _file(files, logs / log_name(message))
    data = file.read(message.pop("bytes")) if file else b""
    return {**message, "lines": data.decode(errors="replace").split("\n")[:-1]}


def _rest_of(files: dict[str, BinaryIO], path: Path) -> bytes:
    file = _file(files, path)
    return file.read() if file else b""


def _file(files: dict[str, BinaryIO], path: Path) -> BinaryIO | None:
    """A file at the place up to which it was read; None: it is not there yet."""
    if path.name not in files:
        if not path.exists():
            return None
        files[path.name] = path.open("rb")
    return files[path.name]

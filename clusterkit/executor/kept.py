"""Keep what many programs write at once, in little memory."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from clusterkit.events import Stream
from clusterkit.results.output import Output

_IN_MEMORY_BYTES = 1 << 16


class Spool:
    """One file without a name for all that is too large to be kept in memory.

    Made when it is first needed, and gone with the last output. Equal outputs are kept once.
    """

    def __init__(self) -> None:
        self._file: BinaryIO | None = None
        self._end = 0
        self._lock = threading.Lock()
        self._seen: dict[str, Output] = {}

    def write(self, block: bytes) -> tuple[int, int]:
        """Keep ``block``; returns where it lies, and its length."""
        with self._lock:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - see below
                weakref.finalize(self, self._file.close)  # outputs read it as long as they live
            begin, fd = self._end, self._file.fileno()
            while self._end < begin + len(block):  # a disk that is nearly full takes a part
                self._end += os.pwrite(fd, block[self._end - begin :], self._end)
            return begin, len(block)

    def read(self, begin: int, length: int) -> bytes:
        """The block that lies there."""
        if self._file is None:
            raise ValueError("nothing was written")
        return os.pread(self._file.fileno(), length, begin)

    def once(self, output: Output) -> Output:
        """``output``, or the equal one that is kept already."""
        with self._lock:
            return self._seen.setdefault(output.digest, output)


class Kept:
    """Takes both streams of one program; of each, the last few KiB stay in memory."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._streams = {"stdout": _OneStream(spool), "stderr": _OneStream(spool)}

    def take(self, stream: Stream, data: bytes) -> None:
        """Keep the next bytes of ``stream``."""
        self._streams[stream].take(data)

    def output(self, stream: Stream) -> Output:
        """All of ``stream``."""
        return self._spool.once(self._streams[stream].output())


@dataclass(slots=True)
class _OneStream:
    spool: Spool
    places: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    rest: bytearray = field(default_factory=bytearray)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def take(self, data: bytes) -> None:
        self.digest.update(data)
        self.rest += data
        if len(self.rest) >= _IN_MEMORY_BYTES:
            self.places.append(self.spool.write(bytes(self.rest)))
            self.rest.clear()

    def output(self) -> Output:
        spool, places, rest = self.spool, tuple(self.places), bytes(self.rest)

        def blocks() -> Iterator[bytes]:
            for begin, length in places:
                yield spool.read(begin, length)
            yield rest

        return Output(self.digest.hexdigest(), blocks)

"""One stream that is read once and handed to several readers at the pace of the slowest."""

from __future__ import annotations

import gzip
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from clusterkit.errors import ClusterkitError, Interrupted

BLOCK_BYTES = 1 << 20
_BLOCKS_AHEAD = 16
_STUCK_AFTER_S = 60.0


class FanOut:
    """Reads ``source`` while any reader wants more; each reader iterates over :meth:`blocks`.

    ``pack`` makes each block what is handed over; its second argument says whether there is time
    for more, as some reader is behind. A reader that takes nothing for ``stuck_after_s`` is given
    up, so that it does not hold up the others: ``on_stuck`` is told its name, to end what it
    waits for.
    """

    def __init__(
        self,
        source: Iterable[bytes],
        readers: Iterable[str],
        on_stuck: Callable[[str], None],
        *,
        pack: Callable[[bytes, bool], bytes] = lambda block, _: block,
        stuck_after_s: float = _STUCK_AFTER_S,
    ) -> None:
        self._source, self._pack = source, pack
        self._on_stuck, self._stuck_after_s = on_stuck, stuck_after_s
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[bytes]] = {name: deque() for name in readers}
        self._took_at = dict.fromkeys(self._waiting, time.monotonic())
        self._errors: dict[str, Exception] = {}
        self._ended = False

    def start(self) -> FanOut:
        """Read in a thread of its own."""
        threading.Thread(target=self._read, name="fan out", daemon=True).start()
        return self

    def stop(self) -> None:
        """Let every reader hear that the stream ends too early."""
        self._fail_all(Interrupted("the stream was stopped"))

    def blocks(self, reader: str) -> Iterator[bytes]:
        """The stream, for one reader; one that stops reading holds up nobody.

        Raises:
            ClusterkitError: If the stream broke off.
        """
        try:
            while (block := self._next(reader)) is not None:
                yield block
        finally:
            with self._changed:
                self._waiting.pop(reader, None)
                self._changed.notify_all()

    def _next(self, reader: str) -> bytes | None:
        """The next block; None: that was the last one."""
        with self._changed:
            self._took_at[reader] = time.monotonic()
            self._changed.wait_for(
                lambda: reader in self._errors or self._waiting[reader] or self._ended
            )
            if reader in self._errors:
                raise self._errors[reader]
            blocks = self._waiting[reader]
            block = blocks.popleft() if blocks else None
            self._changed.notify_all()
            return block

    def _read(self) -> None:
        try:
            for block in self._source:
                if not self._hand_over(self._pack(block, self._has_time())):
                    break
        except ClusterkitError as error:
            self._fail_all(error)
        except Exception as error:  # the readers must hear of it, whatever it was
            self._fail_all(ClusterkitError(f"the stream broke off: {error}. Fix: run it again"))
        finally:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _has_time(self) -> bool:
        with self._changed:
            return any(len(blocks) > _BLOCKS_AHEAD // 2 for blocks in self._waiting.values())

    def _hand_over(self, block: bytes) -> bool:
        """Give everybody the next block once all have room; False: nobody reads any more."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._behind(), timeout=1)
                behind = self._behind()
                reading = [name for name in self._waiting if name not in self._errors]
                if not behind:
                    for name in reading:
                        self._waiting[name].append(block)
                    self._changed.notify_all()
                    return bool(reading)
                stuck = self._give_up(behind)
            for name in stuck:
                threading.Thread(target=self._on_stuck, args=(name,), daemon=True).start()

    def _behind(self) -> list[str]:
        return [
            name
            for name, blocks in self._waiting.items()
            if len(blocks) >= _BLOCKS_AHEAD and name not in self._errors
        ]

    def _give_up(self, behind: list[str]) -> list[str]:
        late = time.monotonic() - self._stuck_after_s
        stuck = [name for name in behind if self._took_at[name] < late]
        for name in stuck:
            self._errors[name] = ClusterkitError(
                f"{name}: took nothing for {self._stuck_after_s:g} s and was given up. "
                "Fix: look at its Docker engine and its network"
            )
        return stuck

    def _fail_all(self, error: Exception) -> None:
        with self._changed:
            for name in self._waiting:
                self._errors.setdefault(name, error)
            self._changed.notify_all()


def in_blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of :data:`BLOCK_BYTES`; the last may be shorter."""
    gathered = bytearray()
    for piece in pieces:
        gathered += piece
        while len(gathered) >= BLOCK_BYTES:
            yield bytes(gathered[:BLOCK_BYTES])
            del gathered[:BLOCK_BYTES]
    if gathered:
        yield bytes(gathered)


def gzipped(block: bytes, has_time: bool) -> bytes:
    """A block as a gzip member of its own: compressed where there is time for it, else stored.

    Members that follow one another are one gzip stream, whatever each of them is like.
    """
    return gzip.compress(block, 1 if has_time else 0, mtime=0)

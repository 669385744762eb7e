"""One passage of files through a node: take, keep, and pass on, chunk by chunk.

Whoever is slower holds the other up, so no more than a few chunks are ever in memory. The first
fault ends all of it; what was kept until then stays.
"""

from __future__ import annotations

import contextlib
import queue
import select
import socket
import threading
import time
from hmac import compare_digest
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple  # noqa: UP035

from clusterkit.payloads.push_plan import Part
from clusterkit.payloads.push_protocol import CHUNK_BYTES, CONNECT_S

STOPPED = "stopped"
"""Why a passage ended that was told to."""

_AHEAD = 4
"""How many chunks wait for the disk, and how many for the next node."""
_AT_ONCE = 1 << 16  # a send of more shows no progress on a slow link
_POLL_S = 0.2
_CALLERS = 16

Keep = Callable[[str, int, Any], None]
Open = Callable[[str], Path]


class Broken(Exception):
    """The passage ended early; ``side`` is ``previous``, ``next`` or ``here``."""

    def __init__(self, side: str, why: str) -> None:
        super().__init__(why)
        self.side, self.why = side, why


class Relay:
    """The passage of ``parts``.

    ``path`` says where a whole file lies, ``keep`` takes what belongs here. ``listener`` is where
    the previous node comes with ``token``; ``following`` has address, port and token of the next.
    """

    def __init__(
        self,
        parts: List[Part],  # noqa: UP006
        sizes: Mapping[str, int],
        *,
        path: Open,
        keep: Optional[Keep] = None,  # noqa: UP045
        listener: Optional[socket.socket] = None,  # noqa: UP045
        token: str = "",
        following: Optional[Mapping[str, Any]] = None,  # noqa: UP045
    ) -> None:
        self._parts, self._sizes, self._path, self._keep = parts, sizes, path, keep
        self._listener, self._token, self._following = listener, token, following
        self._stopped = threading.Event()
        self._fault: Optional[Broken] = None  # noqa: UP045
        self._since: Dict[str, float] = {}  # noqa: UP006
        self._sockets: List[socket.socket] = []  # noqa: UP006
        self._lock = threading.Lock()
        self._to_disk: queue.Queue[Any] = queue.Queue(_AHEAD)
        self._to_next: queue.Queue[Any] = queue.Queue(_AHEAD)

    def run(self) -> None:
        """Do all of it.

        Raises:
            Broken: What went wrong first; also where it was stopped.
        """
        threads = [threading.Thread(target=self._guard, args=(self._keep_all, "here"))]
        if self._following:
            threads.append(threading.Thread(target=self._guard, args=(self._pass_all, "next")))
        for thread in threads:
            thread.start()
        self._guard(self._take_all, "previous")
        for thread in threads:
            thread.join()
        for each in self._sockets:
            each.close()
        if self._fault:
            raise self._fault

    def stop(self, fault: Optional[Broken] = None) -> None:  # noqa: UP045
        """End it, from any thread; what blocks on a connection wakes up."""
        with self._lock:
            if self._fault is None:
                self._fault = fault or Broken("here", STOPPED)
            self._stopped.set()
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def state(self) -> Dict[str, float]:  # noqa: UP006
        """Since how many seconds it has been at each step that may take long."""
        now = time.monotonic()
        return {step: now - since for step, since in list(self._since.items())}

    def _guard(self, work: Callable[[], None], side: str) -> None:
        try:
            work()
        except Broken as error:
            self.stop(error)
        except Exception as error:
            why = getattr(error, "strerror", None) or str(error)
            fault = Broken(side if isinstance(error, OSError) else "here", why)
            fault.__cause__ = error
            self.stop(fault)

    def _take_all(self) -> None:
        source = self._accepted() if any(part.taken is not None for part in self._parts) else None
        for part in self._parts:
            for position, chunk in self._chunks(part, source):
                if part.kept is not None and position >= part.kept:
                    self._put(self._to_disk, (part.name, position, chunk))
                if part.passed is not None and position >= part.passed:
                    self._put(self._to_next, chunk)
        self._put(self._to_disk, None)
        self._put(self._to_next, None)

    def _chunks(
        self,
        part: Part,
        source: Optional[socket.socket],  # noqa: UP045
    ) -> Iterator[Tuple[int, Any]]:  # noqa: UP006
        size = self._sizes[part.name]
        with contextlib.ExitStack() as stack:
            file = None
            if part.taken is None:
                try:
                    file = stack.enter_context(self._path(part.name).open("rb"))
                except OSError as error:
                    raise Broken("here", f"{part.name}: {error.strerror}") from None
                file.seek(part.begin)
            for position in range(part.begin, size, CHUNK_BYTES):
                chunk = memoryview(bytearray(min(CHUNK_BYTES, size - position)))
                if file is not None:
                    with self._at("reading"):
                        count = file.readinto(chunk)
                    if count != len(chunk):
                        raise Broken("here", f"{part.name} is shorter than its manifest says")
                else:
                    assert source is not None  # noqa: S101 - it is taken
                    self._receive(source, chunk)
                yield position, chunk

    def _receive(self, source: socket.socket, chunk: memoryview) -> None:
        while chunk:
            with self._at("receiving"):
                count = source.recv_into(chunk)
            if not count:
                raise Broken("previous", "the connection ended")
            chunk = chunk[count:]

    def _keep_all(self) -> None:
        for name, position, chunk in self._queued(self._to_disk):
            assert self._keep is not None  # noqa: S101 - else nothing is kept
            with self._at("writing"):
                self._keep(name, position, chunk)

    def _pass_all(self) -> None:
        assert self._following is not None  # noqa: S101 - see run
        to = (self._following["address"], self._following["port"])
        connection = socket.create_connection(to, timeout=CONNECT_S)
        self._own(connection)
        connection.settimeout(None)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.sendall(self._following["token"].encode() + b"\n")
        for chunk in self._queued(self._to_next):
            view = memoryview(chunk)
            while view:
                with self._at("sending"):
                    count = connection.send(view[:_AT_ONCE])
                view = view[count:]

    def _accepted(self) -> socket.socket:
        """The connection of the one who has the token; all others are shown the door."""
        assert self._listener is not None  # noqa: S101 - something is taken
        wanted = self._token.encode() + b"\n"
        callers: Dict[socket.socket, Tuple[bytes, float]] = {}  # noqa: UP006
        try:
            while not self._stopped.is_set():
                waiting = [*callers, *([self._listener] if len(callers) < _CALLERS else [])]
                for ready in select.select(waiting, [], [], _POLL_S)[0]:
                    if ready is self._listener:
                        callers[self._listener.accept()[0]] = b"", time.monotonic() + CONNECT_S
                        continue
                    if (said := _heard(ready, callers[ready][0], len(wanted))) is None:
                        _show_out(callers, ready)
                    elif compare_digest(said, wanted):
                        del callers[ready]
                        self._own(ready)
                        ready.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                        return ready
                    elif len(said) == len(wanted):
                        _show_out(callers, ready)
                    else:
                        callers[ready] = said, callers[ready][1]
                for late in [each for each, (_, end) in callers.items() if end < time.monotonic()]:
                    _show_out(callers, late)
        finally:
            for each in callers:
                each.close()
        raise Broken("here", STOPPED)

    def _own(self, connection: socket.socket) -> None:
        with self._lock:
            self._sockets.append(connection)
            if self._stopped.is_set():
                connection.shutdown(socket.SHUT_RDWR)

    def _put(self, place: queue.Queue[Any], item: Any) -> None:
        if place is self._to_next and not self._following:
            return
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                place.put(item, timeout=_POLL_S)
                return
        raise Broken("here", STOPPED)

    def _queued(self, place: queue.Queue[Any]) -> Iterator[Any]:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Empty):
                item = place.get(timeout=_POLL_S)
                if item is None:
                    return
                yield item

    @contextlib.contextmanager
    def _at(self, step: str) -> Iterator[None]:
        self._since[step] = time.monotonic()
        try:
            yield
        finally:
            self._since.pop(step, None)


def _heard(caller: socket.socket, said: bytes, length: int) -> Optional[bytes]:  # noqa: UP045
    """All that a caller has said, up to the length of the token; None: it left."""
    try:
        more = caller.recv(length - len(said))
    except OSError:
        return None
    return said + more if more else None


def _show_out(callers: Dict[socket.socket, Any], caller: socket.socket) -> None:  # noqa: UP006
    del callers[caller]
    caller.close()

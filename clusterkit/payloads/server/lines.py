"""A line from each rank to rank 0: it breaks when the rank is gone, and says which one that is.

An error of gloo or NCCL comes late, after a step, and names no rank: the neighbours of a rank that
died fail as it did. A rank that was stopped, or whose node was paused, breaks nothing at all: it
stops to beat. What travels is lines of JSON: a row about the rank, beats, and its last words.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import selectors
import socket
import threading
import time
from typing import Any, Callable, Collection, Dict  # noqa: UP035 - Python 3.8

_CONNECT_WITHIN_S = 60.0
_ASKED_AFTER_S, _TRIES = 5, 3
"""A node that vanished is asked for a sign of life after so long, so many times."""

SILENT_S = 10.0
_BEAT_EVERY_S, _AWAKE_S = 1.0, 2.0
"""Beats come from a thread of their own, also while a step takes minutes. Time counts as silence
only as far as rank 0 was awake: on a machine that is too busy to run us, nobody is frozen."""


class Lines:
    """Rank 0's ends. ``on_gone(rank, words)``: the line broke; ``words`` None: without a word.

    ``on_silent(rank)``: the line is whole, and nothing came for ``silent_s``.

    Raises:
        TimeoutError: From ``wait``, if a rank did not come.
    """

    def __init__(
        self,
        ranks: int,
        on_gone: Callable[[int, str | None], None],
        on_silent: Callable[[int], None],
        *,
        silent_s: float = SILENT_S,
    ) -> None:
        self.rows: Dict[int, Dict[str, Any]] = {}  # noqa: UP006 - Python 3.8
        self._ranks, self._on_gone, self._on_silent = ranks, on_gone, on_silent
        self._silent_s = silent_s
        self._token = secrets.token_hex(16)
        self._is_ending = self._is_closed = False
        self._listener = _listen()
        self._all_here = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True, name="lines")
        self._thread.start()

    @property
    def address(self) -> tuple[str, int, str]:
        """What the other ranks must know to come."""
        return (
            os.environ.get("MASTER_ADDR", "127.0.0.1"),
            self._listener.getsockname()[1],
            self._token,
        )

    def wait(self) -> None:
        """Until every other rank is here."""
        if self._ranks > 1 and not self._all_here.wait(_CONNECT_WITHIN_S):
            missing = sorted(set(range(1, self._ranks)) - set(self.rows))
            raise TimeoutError(f"ranks {missing} did not connect to rank 0")

    def expect_end(self) -> None:
        """From now on lines end because they should."""
        self._is_ending = True

    def close(self) -> None:
        """Hear no more."""
        self._is_ending = self._is_closed = True
        with contextlib.suppress(OSError):  # it is closed
            self._listener.shutdown(socket.SHUT_RDWR)  # which wakes the thread
        self._thread.join()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector, self._listener:
            selector.register(self._listener, selectors.EVENT_READ)
            looked = time.monotonic()
            while not self._is_closed:
                for key, _ in selector.select(_BEAT_EVERY_S):
                    if key.data is None:
                        self._accept(selector)
                    elif not self._read(key.data):
                        selector.unregister(key.fileobj)
                        key.data.link.close()
                before, looked = looked, time.monotonic()
                self._notice_silence(selector, min(looked - before, _AWAKE_S))
            for key in list(selector.get_map().values()):
                if key.data is not None:
                    key.data.link.close()

    def _accept(self, selector: selectors.BaseSelector) -> None:
        with contextlib.suppress(OSError):  # who came is gone again, or this is the end
            link, _ = self._listener.accept()
            _keep_alive(link)
            selector.register(link, selectors.EVENT_READ, _End(link))

    def _notice_silence(self, selector: selectors.BaseSelector, passed_s: float) -> None:
        ends = [key.data for key in selector.get_map().values() if key.data is not None]
        for end in ends:
            end.silent_s += passed_s
            if end.rank is not None and end.silent_s > self._silent_s and not self._is_ending:
                end.silent_s = float("-inf")  # it is said once
                self._on_silent(end.rank)

    def _read(self, end: _End) -> bool:
        lines = end.lines()
        if lines is None:
            if end.rank is not None and not self._is_ending:
                self._on_gone(end.rank, end.words)
            return False
        for line in lines:
            try:
                told = json.loads(line)
                if end.rank is None:
                    if not hmac.compare_digest(told["token"], self._token):
                        return False
                    end.rank = int(told["rank"])
            except (ValueError, TypeError, LookupError):
                return False  # nobody of ours
            if "row" in told:
                self.rows[end.rank] = told["row"]
            end.words = told.get("error", end.words)
        if len(self.rows) == self._ranks - 1:
            self._all_here.set()
        return True


class Line:
    """Another rank's end; it beats by itself."""

    def __init__(self, address: tuple[str, int, str], rank: int, row: dict[str, Any]) -> None:
        host, port, token = address
        self._link = socket.create_connection((host, port), timeout=_CONNECT_WITHIN_S)
        _keep_alive(self._link)
        self._one_at_a_time, self._is_closed = threading.Lock(), threading.Event()
        self.tell(rank=rank, token=token, row=row)
        threading.Thread(target=self._beat, daemon=True, name="beats").start()

    def tell(self, **told: Any) -> None:
        """Say it to rank 0, which may be gone."""
        with self._one_at_a_time, contextlib.suppress(OSError):
            self._link.sendall((json.dumps(told) + "\n").encode())

    def broke(self, within_s: float) -> bool:
        """Whether rank 0 is gone, or is so within this time."""
        self._link.settimeout(within_s)
        try:
            return not self._link.recv(1)
        except socket.timeout:  # noqa: UP041 - Python 3.8
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Leave."""
        self._is_closed.set()
        self._link.close()

    def _beat(self) -> None:
        while not self._is_closed.wait(_BEAT_EVERY_S):
            self.tell()


class _End:
    """A line as rank 0 has it, read as it comes."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.rank: int | None = None
        self.words: str | None = None
        self.silent_s = 0.0
        self._rest = b""

    def lines(self) -> list[bytes] | None:
        """Those that are whole; None: it broke."""
        try:
            read = self.link.recv(65536)
        except OSError:
            read = b""
        self.silent_s = 0.0
        if not read or len(self._rest) > 1_000_000:
            return None
        *whole, self._rest = (self._rest + read).split(b"\n")
        return whole


def why_gone(
    gone: dict[int, str | None],
    own: str | None,
    node_of: Callable[[int], str | None],
    silent: Collection[int] = (),
) -> str:
    """Name who broke the ranks, of those gone in this order; ``own``: what rank 0 itself saw.

    Who went without a word was killed; who had words may have failed because of another.
    """
    killed = [rank for rank, words in gone.items() if words is None]
    if killed:
        return f"{_names(killed, node_of)} {'are' if len(killed) > 1 else 'is'} gone"
    if silent:
        have = "have" if len(silent) > 1 else "has"
        return f"{_names(silent, node_of)} {have} not answered for {SILENT_S:g} s"
    for rank, words in gone.items():
        return f"{_named(rank, node_of)} failed: {words}"
    return f"{_named(0, node_of)} failed: {own}"


def _names(ranks: Collection[int], node_of: Callable[[int], str | None]) -> str:
    return " and ".join(_named(rank, node_of) for rank in ranks)


def _named(rank: int, node_of: Callable[[int], str | None]) -> str:
    node = node_of(rank)
    return f"rank {rank} on {node}" if node else f"rank {rank}"


def _listen() -> socket.socket:
    """At the address where the ranks meet; at all, where that is not an address of this node."""
    host = os.environ.get("MASTER_ADDR", "127.0.0.1")
    try:
        family = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, 0), family=family)
    except OSError:
        return socket.create_server(("", 0))


def _keep_alive(link: socket.socket) -> None:
    link.settimeout(None)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _ASKED_AFTER_S)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _ASKED_AFTER_S)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _TRIES)

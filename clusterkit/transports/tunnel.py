"""A port of this machine's loopback that leads to one of a node, for as long as it is kept."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

from clusterkit.errors import TransportError, UsageError
from clusterkit.transports.base import Link
from clusterkit.transports.link import CHUNK_BYTES

HERE = "127.0.0.1"
_BACKLOG = 512
_LINGER_NOT = struct.pack("ii", 1, 0)

Connect = Callable[[], Link]
"""Opens a connection to the port on the node; called for each that comes in here."""


class Tunnel:
    """Takes connections at ``port``; each has two threads, and no more than a few pieces.

    ``on_failure`` hears why a connection got no further; whoever made it sees it reset.
    """

    def __init__(
        self, connect: Connect, listener: socket.socket, on_failure: Callable[[str], None]
    ) -> None:
        self._connect, self._listener, self._on_failure = connect, listener, on_failure
        self._open: set[_Carried] = set()
        self._is_closed = False
        self.port: int = listener.getsockname()[1]
        threading.Thread(target=self._accept, name=f"tunnel {self.port}", daemon=True).start()

    def close(self) -> None:
        """Take no more, and end those that are open."""
        self._is_closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        for carried in tuple(self._open):
            carried.reset()

    def __enter__(self) -> Tunnel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        try:
            link = self._connect()
        except (OSError, TransportError) as error:
            _reset(client)
            self._on_failure(str(error))
            return
        carried = _Carried(client, link)
        self._open.add(carried)
        if self._is_closed:
            carried.reset()
        try:
            carried.until_end()
        finally:
            self._open.discard(carried)


class _Carried:
    """One connection through the tunnel."""

    def __init__(self, client: socket.socket, link: Link) -> None:
        self._client, self._link = client, link

    def until_end(self) -> None:
        """Carry both ways until both have ended, or one broke."""
        sending = threading.Thread(target=self._send, daemon=True)
        sending.start()
        try:
            while data := self._link.receive():
                self._client.sendall(data)
            self._client.shutdown(socket.SHUT_WR)
        except (OSError, TransportError):
            self.reset()
        sending.join()
        self._link.close()
        self._client.close()

    def reset(self) -> None:
        """Break it for both: half an answer must not look like a whole one."""
        with contextlib.suppress(OSError):
            self._link.close()
        _reset(self._client)

    def _send(self) -> None:
        try:
            while data := self._client.recv(CHUNK_BYTES):
                self._link.send(data)
            self._link.end()
        except (OSError, TransportError):
            self.reset()


def open_tunnel(
    connect: Connect,
    port: int,
    *,
    on_failure: Callable[[str], None] = lambda _: None,
    exactly: bool = False,
) -> Tunnel:
    """Listen on this machine at ``port``; where that is taken, at another, unless ``exactly``.

    Raises:
        UsageError: If the port cannot be had.
    """
    try:
        listener = _listen(port)
    except OSError as error:
        if exactly:
            what = f"port {port} of this machine cannot be had: {error.strerror}"
            raise UsageError(f"{what}. Fix: another `--port`") from error
        listener = _listen(0)
    return Tunnel(connect, listener, on_failure)


def answers_at(address: str, port: int, within_s: float) -> bool:
    """Whether somebody listens there, as seen from this machine."""
    try:
        socket.create_connection((address, port), timeout=within_s).close()
    except OSError:
        return False
    return True


def _listen(port: int) -> socket.socket:
    listener = socket.create_server((HERE, port), backlog=_BACKLOG)
    # Connections have it from here: else small pieces wait for those before to be acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _reset(client: socket.socket) -> None:
    """Close it so that the other side sees an error, and wake the thread that reads it."""
    with contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        client.shutdown(socket.SHUT_RD)  # to shut both would end it in order
    client.close()

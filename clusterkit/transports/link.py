"""A stream of bytes both ways to a TCP port of a node, whatever carries it.

Nothing is read from it before somebody asks, so a slow reader holds back the sender, and no more
than a few pieces lie here.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from typing import TYPE_CHECKING

from clusterkit.events import Stream
from clusterkit.transports.lines import Collected
from clusterkit.transports.session import Session

if TYPE_CHECKING:
    import paramiko

CHUNK_BYTES = 1 << 16
_PIECES = 16
_CONNECTED = b"+"


class SocketLink:
    """A link that is a socket of this machine."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._socket.sendall(data)

    def end(self) -> None:
        """Send the end."""
        self._socket.shutdown(socket.SHUT_WR)

    def receive(self) -> bytes:
        """The next bytes."""
        return self._socket.recv(CHUNK_BYTES)

    def close(self) -> None:
        """Close it, and wake whoever waits for it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class ChannelLink:
    """A link that sshd of the node forwards."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def send(self, data: bytes) -> None:
        """Send all of it, as fast as the window opens."""
        self._channel.sendall(data)

    def end(self) -> None:
        """Send the end."""
        self._channel.shutdown_write()

    def receive(self) -> bytes:
        """The next bytes; ConnectionResetError where the connection broke off."""
        try:
            data = self._channel.recv(CHUNK_BYTES)  # which tells the other side that there is room
        except EOFError:
            data = b""
        if not data and not self._channel.eof_received:
            raise ConnectionResetError("the connection to the node was lost")
        return data

    def close(self) -> None:
        """Close it."""
        with contextlib.suppress(OSError, EOFError):  # with the connection it is closed as well
            self._channel.close()


class SessionLink:
    """A link over stdin and stdout of the payload ``relay``, which runs on the node."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pieces: queue.Queue[bytes | None] = queue.Queue(_PIECES)
        self._errors = Collected()
        self._is_closed = threading.Event()
        self._rest = b""
        self._failure: str | None = None
        threading.Thread(target=self._read, daemon=True).start()
        try:
            first = self.receive()
        except ConnectionError as error:
            raise ConnectionRefusedError(str(error)) from None
        self._rest = first.removeprefix(_CONNECTED)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._session.write(data)

    def end(self) -> None:
        """Send the end."""
        self._session.close_stdin()

    def receive(self) -> bytes:
        """The next bytes; ConnectionResetError where the relay ended otherwise than well."""
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        piece = self._pieces.get()
        if piece is None:
            self._pieces.put(None)  # for whoever asks once more
            if self._failure is not None:
                raise ConnectionResetError(self._failure)
            return b""
        return piece

    def close(self) -> None:
        """End the relay: it hears that its stdin has ended, and writes to nobody."""
        self._is_closed.set()
        with contextlib.suppress(OSError):
            self._session.close_stdin()
        with contextlib.suppress(queue.Empty):
            while True:
                self._pieces.get_nowait()

    def _read(self) -> None:
        try:
            self._session.read(self._take)
            if self._session.exit_code():
                words = self._errors.text("stderr").strip().splitlines()
                self._failure = words[-1] if words else "the connection was lost"
        except Exception as error:  # whatever it was, who receives must hear of it
            self._failure = str(error)
        finally:
            with contextlib.suppress(OSError):
                self._session.close()
            self._put(None)

    def _take(self, stream: Stream, data: bytes) -> None:
        if stream == "stderr":
            self._errors.take(stream, data)
        elif data:
            self._put(data)

    def _put(self, piece: bytes | None) -> None:
        """Wait until there is room, unless nobody will read any more."""
        while not self._is_closed.is_set():
            with contextlib.suppress(queue.Full):
                self._pieces.put(piece, timeout=1)
                return

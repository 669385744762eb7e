"""The protocol below an SSH connection: paramiko's, with what it lacks."""

from __future__ import annotations

import contextlib
import signal
import socket
from typing import Any

import paramiko
from paramiko.common import MSG_CHANNEL_REQUEST
from paramiko.kex_curve25519 import KexCurve25519

_KEEPALIVE_S = 5
_DEAD_AFTER_MS = 15_000
_UNKNOWN_SIGNAL = 255
_HANDLERS: dict[int, Any] = vars(paramiko.Transport)["_channel_handler_table"]
_KEX_INFO: dict[str, Any] = vars(paramiko.Transport)["_kex_info"]
_KEX: tuple[str, ...] = vars(paramiko.Transport)["_preferred_kex"]


def _take_request(channel: Any, message: paramiko.Message) -> None:
    """Take a channel request; ``exit-signal`` becomes the exit code that a shell would show."""
    if message.get_text() == "exit-signal":
        message.get_boolean()
        name = message.get_text()
        number = getattr(signal, f"SIG{name}", None)
        channel.exit_status = _UNKNOWN_SIGNAL if number is None else 128 + number
        channel.status_event.set()
        return
    message.rewind()
    message.get_int()  # the channel's number, which paramiko has read
    channel._handle_request(message)


class Wire(paramiko.Transport):
    """Knows exit signals, and notices within seconds that the other side is gone."""

    _channel_handler_table = {  # noqa: RUF012 - paramiko's own form
        **_HANDLERS,
        MSG_CHANNEL_REQUEST: _take_request,
    }

    # paramiko knows this exchange by the name that it had before it was a standard; a server may
    # be set to take the standard one only.
    _kex_info = {**_KEX_INFO, "curve25519-sha256": KexCurve25519}  # noqa: RUF012
    _preferred_kex = (
        *(name for name in _KEX if name.startswith("mlkem")),
        "curve25519-sha256",
        *(name for name in _KEX if not name.startswith("mlkem")),
    )

    # paramiko's thread looks so often whether it was told to end: with hundreds of connections,
    # ten times a second is all that this process does.
    _active_check_timeout = 0.5

    def __init__(self, sock: socket.socket, **options: Any) -> None:
        plain = isinstance(sock, socket.socket)  # through a jump host it is a channel
        wrapped: Any = _QuickSocket(sock) if plain else sock
        super().__init__(wrapped, **options)
        self.set_keepalive(_KEEPALIVE_S)


class _QuickSocket:
    """A socket that acknowledges at once what it receives, and gives up on a dead peer.

    sshd's first answers wait for one another's acknowledgement (Nagle), which is 40 ms late by
    default; that is twice as long as all the rest of the set-up takes.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_AFTER_MS)

    def recv(self, size: int) -> bytes:
        data = self._sock.recv(size)
        if hasattr(socket, "TCP_QUICKACK"):
            with contextlib.suppress(OSError):  # the peer may be gone already
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

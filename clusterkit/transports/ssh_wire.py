"""The protocol below an SSH connection: paramiko's, with what it lacks."""

from __future__ import annotations

import contextlib
import errno
import signal
import socket
import time
import weakref
from typing import Any

import paramiko
from paramiko.common import MSG_CHANNEL_REQUEST, cMSG_GLOBAL_REQUEST
from paramiko.kex_curve25519 import KexCurve25519

SILENT_AFTER_S = 8
"""A machine of which nothing was heard for so long, though it was asked, is given up.

So it is named within 10 s. Jobs count on less: their leases end after 4 s of silence.
"""
_ASK_EVERY_S = 2
_LOOK_EVERY_S = 0.02
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


class SilentPeer(ConnectionError):
    """The other side takes what is sent and says nothing: its sshd or all of it has stopped."""

    def __init__(self) -> None:
        super().__init__(errno.ETIMEDOUT, f"nothing was heard of it for {SILENT_AFTER_S} s")

    def __str__(self) -> str:
        return str(self.strerror)


class Wire(paramiko.Transport):
    """Knows exit signals, and notices within seconds that the other side is gone or frozen."""

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
        ear: Any = _QuickSocket(sock) if plain else _Ear(sock)
        self._ear = ear
        super().__init__(ear, **options)
        own = weakref.proxy(self)
        self.packetizer.set_keepalive(_ASK_EVERY_S, lambda: own.ask())

    @property
    def is_silent(self) -> bool:
        """Whether it was given up because nothing was heard of it."""
        silent: bool = self._ear.is_silent
        return silent

    def ask(self) -> None:
        """Ask for a sign of life; servers answer requests that they do not know, too."""
        question = paramiko.Message()
        question.add_byte(cMSG_GLOBAL_REQUEST)
        question.add_string("keepalive@openssh.com")
        question.add_boolean(True)
        self._ear.expect()
        send: Any = vars(paramiko.Transport)["_send_user_message"]
        send(self, question)

    def answers(self, within_s: float) -> bool:
        """Whether anything is heard of it now."""
        until = time.monotonic() + within_s
        asked_at = time.monotonic()
        self.ask()
        while self._ear.heard_at < asked_at:
            if not self.is_active() or time.monotonic() > until:
                return False
            time.sleep(_LOOK_EVERY_S)
        return True


class _Ear:
    """A socket, or a channel in its place, that knows how long nothing was heard on it.

    TCP alone does not tell: the kernel of a machine whose sshd has stopped acknowledges for it.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._expecting_since: float | None = None
        self.heard_at = 0.0
        self.is_silent = False

    def expect(self) -> None:
        """Something was asked, so that an answer must come."""
        if self._expecting_since is None:
            self._expecting_since = time.monotonic()

    def recv(self, size: int) -> bytes:
        """What paramiko calls in turn, with a short time-out."""
        try:
            data: bytes = self._sock.recv(size)
        except TimeoutError:
            since = self._expecting_since
            if since and time.monotonic() - since > SILENT_AFTER_S - _ASK_EVERY_S:
                self.is_silent = True
                raise SilentPeer from None
            raise
        self._expecting_since, self.heard_at = None, time.monotonic()
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _QuickSocket(_Ear):
    """A socket that acknowledges at once what it receives, and gives up on a dead peer.

    sshd's first answers wait for one another's acknowledgement (Nagle), which is 40 ms late by
    default; that is twice as long as all the rest of the set-up takes.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_AFTER_S * 1000)

    def recv(self, size: int) -> bytes:
        """The same, acknowledged at once."""
        data = super().recv(size)
        if hasattr(socket, "TCP_QUICKACK"):
            with contextlib.suppress(OSError):  # the peer may be gone already
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data

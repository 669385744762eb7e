"""HTTP connections with limits of time, which uvicorn has for idle ones alone."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from clusterkit.payloads.server.errors import invalid, json_bytes
from clusterkit.payloads.server.settings import Settings


def connections_of(settings: Settings) -> type[asyncio.Protocol]:
    """The protocol of a server with these settings."""

    class Limited(LimitedConnection):
        head_timeout_s = settings.head_timeout_s
        stall_timeout_s = settings.stall_timeout_s

    return Limited


class LimitedConnection(H11Protocol):
    """Ends a client that sends no whole head, or reads nothing, for too long."""

    head_timeout_s: float
    stall_timeout_s: float

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self._head_alarm: asyncio.TimerHandle | None = None
        self._stall_alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._head_alarm = _off(self._head_alarm)
        self._stall_alarm = _off(self._stall_alarm)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; those that end no head do not turn its alarm off."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait_for_head()
        else:
            self._head_alarm = _off(self._head_alarm)

    def pause_writing(self) -> None:
        """The client reads too slowly: it may catch up for a while."""
        super().pause_writing()
        if self._stall_alarm is None:
            self._stall_alarm = self.loop.call_later(self.stall_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It did."""
        super().resume_writing()
        self._stall_alarm = _off(self._stall_alarm)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - theirs is no JSON
        """Say in JSON that this is no HTTP."""
        if self.conn.our_state is not h11.IDLE and self.conn.our_state is not h11.SEND_RESPONSE:
            self.transport.abort()  # an answer is under way, and nothing can be put between
            return
        body = json_bytes(invalid("this is no HTTP request. Fix: speak HTTP/1.1").body())
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        response = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _wait_for_head(self) -> None:
        if self._head_alarm is None:
            self._head_alarm = self.loop.call_later(self.head_timeout_s, self.transport.close)


def _off(alarm: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Turn an alarm off; there is none then."""
    if alarm is not None:
        alarm.cancel()
    return None

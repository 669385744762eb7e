"""The body of a request, unless it is too long or too slow."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from clusterkit.payloads.server.errors import ApiError, client_gone, invalid

_DISCARDED_BYTES = 64 << 20
_DISCARDED_WITHIN_S = 5.0


def longest_body_bytes(context: int) -> int:
    """As much as a prompt that fits can need, with room for how JSON writes it."""
    return max(1 << 20, context * 32)


async def read_object(request: Request, *, longest: int, timeout_s: float) -> dict[str, Any]:
    """The JSON object that a client sent.

    Raises:
        ApiError: If it sent something else, too much, or not in time.
    """
    return _object(await read_json(request, longest=longest, timeout_s=timeout_s))


async def read_json(request: Request, *, longest: int, timeout_s: float) -> bytes:
    """What a client sent as JSON; whether it is any is not looked at.

    Raises:
        ApiError: If it sent something else, too much, or not in time.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "the body is not JSON. Fix: send `Content-Type: application/json`")
    try:
        return await asyncio.wait_for(_read(request, longest), timeout_s)
    except asyncio.TimeoutError:  # noqa: UP041 - Python 3.10
        message = f"the body did not come within {timeout_s:g} s. Fix: send it faster"
        raise ApiError(408, message, code="timeout") from None
    except ClientDisconnect:
        raise client_gone() from None


async def _read(request: Request, longest: int) -> bytes:
    declared = request.headers.get("content-length", "0")
    body = bytearray()
    if not declared.isdigit() or int(declared) <= longest:
        async for piece in request.stream():
            body += piece
            if len(body) > longest:
                break
        else:
            return bytes(body)
    message = f"the body has more than {longest} bytes. Fix: send a shorter prompt"
    raise ApiError(413, message, code="body_too_long")


def _object(body: bytes) -> dict[str, Any]:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise invalid(f"the body is not UTF-8: byte {error.start}. Fix: encode it so") from None
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise invalid(f"the body is not JSON: {error}. Fix: send one JSON object") from None
    if not isinstance(value, dict):
        raise invalid("the body is JSON, and no object. Fix: send one JSON object")
    return value


class UnreadBodies:
    """Answers a client that still sends, and hears it out for a while.

    A connection that is closed on unread bytes is reset, and the client then loses the answer
    that says what was wrong.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; close the connection after it where the body was not read."""
        read_all = False

        async def noted_receive() -> Message:
            nonlocal read_all
            message = await receive()
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                read_all = True
            return message

        async def closing_send(message: Message) -> None:
            if read_all or not _has_body(scope):
                await send(message)
            elif message["type"] == "http.response.start":
                headers = [*message.get("headers", []), (b"connection", b"close")]
                await send({**message, "headers": headers})
            elif message.get("more_body", False):
                await send(message)
            else:
                await send({**message, "more_body": True})
                await _discard(noted_receive)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app(scope, noted_receive, closing_send)


def _has_body(scope: Scope) -> bool:
    names = {name for name, value in scope["headers"] if value != b"0"}
    return b"content-length" in names or b"transfer-encoding" in names


async def _discard(receive: Receive) -> None:
    left, until = _DISCARDED_BYTES, time.monotonic() + _DISCARDED_WITHIN_S
    while left > 0:
        try:
            message = await asyncio.wait_for(receive(), until - time.monotonic())
        except asyncio.TimeoutError:  # noqa: UP041 - Python 3.10
            return
        left -= len(message.get("body", b""))
        if not message.get("more_body", False):
            return

"""A request on its way to a replica, and its answer on the way back, piece by piece."""

from __future__ import annotations

import asyncio

import httpx2
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from clusterkit.payloads.router.replica import Lost, Open, Replica
from clusterkit.payloads.router.routed import Routed
from clusterkit.payloads.server.body import longest_body_bytes, read_json
from clusterkit.payloads.server.errors import ApiError, client_gone, json_bytes, ranks_failed

# Of this connection, not of the answer; the server that sends it adds its own.
_OWN_HEADERS = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"date", b"server"})
_TRIES = 2
_JOB_TELLS_WITHIN_S = 1.0
_ANOTHER_MAY = (429, 503)
"""What a replica says that has no place or is about to leave."""


async def forwarded(request: Request) -> Response:
    """The answer of a replica, which it begins when it is sent.

    Raises:
        ApiError: If what was sent cannot be passed on.
    """
    routed: Routed = request.app.state.served
    body = await read_json(
        request,
        longest=longest_body_bytes(routed.longest_body_tokens),
        timeout_s=routed.settings.body_timeout_s,
    )
    return Forwarded(routed, request.url.path, body)


class Forwarded(Response):
    """Asks a replica, and writes what it says; before that begins, another may be tried once."""

    def __init__(self, routed: Routed, path: str, body: bytes) -> None:
        super().__init__()
        self._routed, self._path, self._body = routed, path, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write the answer; a client that goes away ends it at its replica."""
        work = asyncio.ensure_future(self._answer(scope, send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise client_gone()
            await work
        finally:
            gone.cancel()
            work.cancel()
            await asyncio.wait({work, gone})

    async def _answer(self, scope: Scope, send: Send) -> None:
        with self._routed.answering() as ours:
            try:
                await self._by_one_of_them(scope, send)
            except asyncio.CancelledError:
                if ours.why is None:
                    raise
                _go_on()
                raise ranks_failed(ours.why) from None

    async def _by_one_of_them(self, scope: Scope, send: Send) -> None:
        tried: set[str] = set()
        while True:
            replica = self._routed.choose(tried)
            tried.add(replica.name)
            is_last = len(tried) == _TRIES or not self._has_another(tried)
            answer = _Answer(scope, send)
            try:
                with replica.answering() as asked:
                    broken = await self._broken(replica, asked, answer, is_last=is_last)
                if broken is None:
                    return
                if answer.has_begun:
                    await replica.gone(within_s=_JOB_TELLS_WITHIN_S)
                await answer.lost(f"replica {replica.name}: {replica.why or broken}")
                return
            except Lost as lost:
                if is_last:
                    raise ApiError(
                        503, f"no answer: {lost}", code="ranks_failed", retry_after_s=1
                    ) from None
                self._routed.metrics.retries.inc()

    def _has_another(self, tried: set[str]) -> bool:
        return any(each.ready and each.name not in tried for each in self._routed.replicas)

    async def _broken(
        self, replica: Replica, asked: Open, answer: _Answer, *, is_last: bool
    ) -> str | None:
        """Pass an answer on; why it broke, or None: it is whole.

        Raises:
            Lost: If another replica is to be asked.
        """
        request = self._routed.client.build_request(
            "POST",
            f"http://{replica.address}{self._path}",
            content=self._body,
            headers={"Content-Type": "application/json"},
        )
        try:
            reply = await self._routed.client.send(request, stream=True)
            try:
                if reply.status_code in _ANOTHER_MAY and not is_last:
                    raise Lost(f"replica {replica.name} answers {reply.status_code}")
                if reply.status_code == 401:
                    raise Lost(f"replica {replica.name} does not know this router")
                await answer.pass_on(reply)
            finally:
                await reply.aclose()
        except httpx2.TransportError as error:
            why = f"its connection broke ({type(error).__name__})"
            replica.suspect(why)
            return why
        except asyncio.CancelledError:
            if asked.why is None:
                raise
            _go_on()
            return asked.why
        return None


class _Answer:
    """What a client has been sent so far; ``has_begun`` once another cannot answer instead."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self.has_begun = self._is_stream = False
        self._is_between_events = True

    async def pass_on(self, reply: httpx2.Response) -> None:
        """Send what comes, as it comes."""
        headers = [pair for pair in reply.headers.raw if pair[0].lower() not in _OWN_HEADERS]
        headers = [(name.lower(), value) for name, value in headers]
        self._is_stream = (b"content-type", b"text/event-stream") in [
            (name, value.partition(b";")[0]) for name, value in headers
        ]
        pieces = reply.aiter_raw()
        # Until there is a first piece, another replica may answer as well.
        first = await anext_of(pieces)
        self.has_begun = True
        await self._send(
            {"type": "http.response.start", "status": reply.status_code, "headers": headers}
        )
        piece: bytes | None = first
        while piece is not None:
            self._is_between_events = piece.endswith(b"\n\n")
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            piece = await anext_of(pieces)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def lost(self, why: str) -> None:
        """End what has begun so that nobody takes it for whole.

        Raises:
            Lost: If nothing has begun.
            ApiError: If it cannot be said within the answer; then its connection breaks.
        """
        if not self.has_begun:
            raise Lost(why)
        error = ranks_failed(why)
        self._scope["ended_as"] = error.status
        if not self._is_stream or not self._is_between_events:
            raise error
        body = b"data: " + json_bytes(error.body()) + b"\n\n"
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


async def anext_of(pieces: object) -> bytes | None:
    """The next piece; None: there is none."""
    try:
        piece: bytes = await pieces.__anext__()  # type: ignore[attr-defined]
    except StopAsyncIteration:
        return None
    return piece


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _go_on() -> None:
    """Take back the cancellation by which this task was cut off: it has last words to say."""
    task = asyncio.current_task()
    if task is not None and hasattr(task, "uncancel"):  # Python 3.11
        task.uncancel()

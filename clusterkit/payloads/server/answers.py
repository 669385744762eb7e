"""From a request to its answer, whole or as a stream."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from clusterkit.payloads.server.answering import Answering
from clusterkit.payloads.server.body import longest_body_bytes, read_object
from clusterkit.payloads.server.choice import Choice, Piece
from clusterkit.payloads.server.errors import (
    ApiError,
    client_gone,
    invalid,
    json_bytes,
    json_response,
)
from clusterkit.payloads.server.limits import answer_tokens
from clusterkit.payloads.server.requests import Asked, checked
from clusterkit.payloads.server.served import Served
from clusterkit.payloads.server.shapes import Shapes, usage
from clusterkit.payloads.server.work import Work

AnyAsked = TypeVar("AnyAsked", bound=Asked)
_EVENTS = {
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # a proxy that collects them would spoil the stream
}


async def answered(
    request: Request,
    kind: type[AnyAsked],
    shapes: Shapes,
    prompts: Callable[[Any, AnyAsked], list[list[int]]],
) -> Response:
    """The answer to one request; the ranks begin when it is sent.

    Raises:
        ApiError: If there is none.
    """
    served: Served = request.app.state.served
    sent = await read_object(
        request,
        longest=longest_body_bytes(served.generation.context),
        timeout_s=served.settings.body_timeout_s,
    )
    asked = checked(kind, sent, served=served.settings.name)
    ids = await asyncio.get_running_loop().run_in_executor(
        served.reading, prompts, served.tokenizer, asked
    )
    return Answer(served, asked, shapes, _works(served, asked, shapes.prefix, ids))


def _works(served: Served, asked: Asked, prefix: str, prompts: list[list[int]]) -> list[Work]:
    """The works of one request; seeds of several prompts follow each other."""
    # As many as an idle server takes: those beyond its places wait.
    most = served.settings.max_queue + served.generation.load().slots
    if len(prompts) > most:
        raise invalid(f"prompt: {len(prompts)} at once. Fix: send {most} at most", "prompt")
    name = prefix + secrets.token_hex(14)
    seed = secrets.randbits(31) if asked.seed is None else asked.seed
    settings = served.settings
    temperature = settings.temperature if asked.temperature is None else asked.temperature
    top_p = settings.top_p if asked.top_p is None else asked.top_p
    return [
        Work(
            id=f"{name}-{index}" if index else name,
            prompt=tuple(ids),
            max_tokens=answer_tokens(
                len(ids),
                asked.answer_tokens,
                settings=settings,
                context=served.generation.context,
            ),
            temperature=temperature if top_p > 0 else 0.0,
            top_p=top_p or 1.0,
            seed=(seed + index) % 2**63,
            top_logprobs=asked.wanted_logprobs,
            ignore_eos=asked.ignore_eos,
        )
        for index, ids in enumerate(prompts)
    ]


class Answer(Response):
    """Asks the ranks, and writes what they say."""

    def __init__(self, served: Served, asked: Asked, shapes: Shapes, works: list[Work]) -> None:
        super().__init__()
        self._served, self._asked, self._shapes, self._works = served, asked, shapes, works
        self._choices = [
            Choice(served.tokenizer, index, stop=asked.stop) for index in range(len(works))
        ]
        self._created = int(time.time())
        self._has_logprobs = asked.wanted_logprobs is not None
        self._with_id = {"X-Request-Id": works[0].id}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write the answer, or the error that there is instead."""
        with self._served.answering(self._works) as answering:
            watch = asyncio.create_task(_end_when_gone(receive, answering))
            try:
                await self._write(scope, receive, send, answering)
            finally:
                watch.cancel()

    async def _write(
        self, scope: Scope, receive: Receive, send: Send, answering: Answering
    ) -> None:
        pieces = self._pieces(answering)
        if not self._asked.stream:
            response = json_response(await self._whole(pieces), headers=self._with_id)
            await response(scope, receive, send)
            return
        # Nothing is sent before the first token: until then an error has a status of its own.
        events = self._events(pieces)
        first = await events.__anext__()
        head = Response(None, 200, {**_EVENTS, **self._with_id}, media_type="text/event-stream")
        headers = [pair for pair in head.raw_headers if pair[0] != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send(_event(first))
        try:
            async for event in events:
                await send(_event(event))
            await send(_last(b"data: [DONE]\n\n"))
        except ApiError as error:
            scope["ended_as"] = error.status
            await send(_last(b"data: " + json_bytes(error.body()) + b"\n\n"))

    async def _pieces(self, answering: Answering) -> AsyncIterator[tuple[Choice, Piece]]:
        """Every piece of every choice, until all are over."""
        metrics = self._served.metrics
        heard_s = dict.fromkeys(range(len(self._choices)), time.monotonic())
        async for index, token in answering.tokens():
            choice, now = self._choices[index], time.monotonic()
            timed = metrics.token_s if choice.tokens else metrics.first_token_s
            timed.observe(now - heard_s[index])
            heard_s[index] = now
            metrics.completion_tokens.inc()
            piece = choice.hear(token)
            if choice.finish is not None:
                answering.done(index)
            yield choice, piece

    async def _whole(self, pieces: AsyncIterator[tuple[Choice, Piece]]) -> dict[str, Any]:
        said: list[list[Piece]] = [[] for _ in self._choices]
        async for choice, piece in pieces:
            said[choice.index].append(piece)
        choices = []
        for choice, parts in zip(self._choices, said):  # noqa: B905 - Python 3.8
            figures = [one for part in parts for one in part.figures]
            piece = Piece("".join(part.text for part in parts), figures)
            shape = self._shapes.whole(self._served.tokenizer, piece, logprobs=self._has_logprobs)
            choices.append(
                {
                    "index": choice.index,
                    **shape,
                    "finish_reason": choice.finish,
                    **self._ids(choice),
                }
            )
        return {
            **self._head(self._shapes.whole_object),
            "choices": choices,
            "usage": self._usage(),
        }

    async def _events(
        self, pieces: AsyncIterator[tuple[Choice, Piece]]
    ) -> AsyncIterator[dict[str, Any]]:
        begun: set[int] = set()
        async for choice, piece in pieces:
            if choice.index not in begun:
                begun.add(choice.index)
                beginning = self._shapes.beginning()
                if beginning is not None:
                    yield self._chunk(choice, beginning, None)
            if piece.text or piece.figures:
                yield self._chunk(choice, self._part(piece), None)
            if choice.finish is not None:
                yield self._chunk(choice, self._part(Piece("", [])), choice.finish)
        if self._asked.stream_options.include_usage:
            head = self._head(self._shapes.chunk_object)
            yield {**head, "choices": [], "usage": self._usage()}

    def _part(self, piece: Piece) -> dict[str, Any]:
        return self._shapes.part(self._served.tokenizer, piece, logprobs=self._has_logprobs)

    def _chunk(self, choice: Choice, shape: dict[str, Any], finish: str | None) -> dict[str, Any]:
        said = {"index": choice.index, **shape, "finish_reason": finish, **self._ids(choice)}
        chunk = {**self._head(self._shapes.chunk_object), "choices": [said]}
        options = self._asked.stream_options
        if options.continuous_usage_stats:
            chunk["usage"] = self._usage()
        elif options.include_usage:
            chunk["usage"] = None
        return chunk

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._works[0].id,
            "object": kind,
            "created": self._created,
            "model": self._asked.model,
            "system_fingerprint": self._served.fingerprint,
        }

    def _ids(self, choice: Choice) -> dict[str, list[int]]:
        """The token ids since the last chunk, as vLLM's servers tell them to who asks."""
        return {"token_ids": choice.new_ids()} if self._asked.return_token_ids else {}

    def _usage(self) -> dict[str, int]:
        prompt_tokens = sum(len(work.prompt) for work in self._works)
        return usage(prompt_tokens, sum(choice.tokens for choice in self._choices))


async def _end_when_gone(receive: Receive, answering: Answering) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    answering.end(client_gone())


def _event(chunk: dict[str, Any]) -> dict[str, Any]:
    body = b"data: " + json_bytes(chunk) + b"\n\n"
    return {"type": "http.response.body", "body": body, "more_body": True}


def _last(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": False}

"""Stands in for a model server: OpenAI's routes by Starlette, the answers made up.

``python -m tests.stand_ins.openai_server PORT [KEY]`` says ``ready`` on stdout. What is asked
decides what comes: ``count N`` gives N numbers, ``slowly`` one word in a tenth of a second without
end, ``die`` ends the process within an answer, ``fail`` an error within a stream, ``busy`` 429 the
first time, ``crowded`` 400 where more than 100 tokens are wanted; anything else is said back with
what the system prompt was and how many messages came.
``GET /left`` tells how many clients left before their answer's end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

MODEL = "parrot"
CLUSTER: dict[str, Any] = {
    "model": MODEL,
    "tp": 1,
    "pp": 2,
    "replicas": [
        {
            "name": "0",
            "ready": True,
            "url": None,
            "running": 0,
            "queued": 0,
            "ranks": [
                {
                    "rank": n,
                    "node": "localhost",
                    "device": "cpu",
                    "dtype": "float32",
                    "memory_bytes": 10 + n,
                }
                for n in range(2)
            ],
        }
    ],
    "slots": 4,
    "versions": {"torch": "2.13.0"},
    "context": 2048,
}
WORDS_OF_USAGE = 7
seen = {"left": 0, "busy": 0}


def answer_words(asked: dict[str, Any]) -> list[str]:
    """The made-up answer, in pieces."""
    messages = asked.get("messages") or [{"role": "user", "content": asked["prompt"]}]
    text = messages[-1]["content"]
    if text.startswith("count "):
        return [f"{number} " for number in range(int(text.split()[1]))]
    system = next((each["content"] for each in messages if each["role"] == "system"), None)
    return [f"{text}! ", f"[{len(messages)} messages, ", f"system {system}]"]


async def pieces(asked: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """The events of one answer."""
    messages = asked.get("messages") or [{"role": "user", "content": asked["prompt"]}]
    text = messages[-1]["content"]
    is_chat = "messages" in asked

    def piece(word: str, finish: str | None = None) -> dict[str, Any]:
        said = {"delta": {"content": word}} if is_chat else {"text": word}
        return {"choices": [{"index": 0, **said, "finish_reason": finish}]}

    if text == "slowly":
        while True:
            yield piece("on and ")
            await asyncio.sleep(0.1)
    words = answer_words(asked)
    cut = words[: asked.get("max_tokens", len(words))]
    for word in cut:
        yield piece(word)
        if text == "die":
            await asyncio.sleep(0.2)
            os._exit(1)
        if text == "fail":
            yield {"error": {"message": "rank 1 on node2 is gone", "type": "server_error"}}
            return
    yield piece("", "stop" if len(cut) == len(words) else "length")
    counts = {"prompt_tokens": WORDS_OF_USAGE, "completion_tokens": len(cut)}
    yield {"choices": [], "usage": counts}


async def stream(request: Request) -> Response:
    """Both routes."""
    asked = await request.json()
    if asked["model"] != MODEL:
        return error(404, f"model {asked['model']!r} is not served here. Fix: ask for {MODEL!r}")
    last = asked["messages"][-1]["content"] if "messages" in asked else asked["prompt"]
    if last == "busy" and not seen["busy"]:
        seen["busy"] = 1
        return error(429, "256 requests wait already", {"Retry-After": "1"})
    if last == "crowded" and asked.get("max_tokens", 0) > 100:
        return error(400, "1000 tokens and 1024 may follow. Fix: `max_tokens: 100` at most")
    if last == "too long":
        return error(400, "the prompt has 3000 tokens and 8 may follow; the context is 2048")

    async def events() -> AsyncIterator[str]:
        is_over = False
        try:
            async for each in pieces(asked):
                yield f"data: {json.dumps(each)}\n\n"
            yield "data: [DONE]\n\n"
            is_over = True
        finally:
            seen["left"] += not is_over

    return StreamingResponse(events(), media_type="text/event-stream")


def error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """OpenAI's form of an error."""
    return JSONResponse({"error": {"message": message}}, status, headers)


async def models(_: Request) -> Response:
    return JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model"}]})


async def cluster(_: Request) -> Response:
    return JSONResponse(CLUSTER)


async def ready(_: Request) -> Response:
    return JSONResponse({"status": "ready"})


async def left(_: Request) -> Response:
    return JSONResponse(seen)


def application(key: str | None) -> Any:
    """The routes, behind a key where there is one."""
    routes = [
        Route("/v1/chat/completions", stream, methods=["POST"]),
        Route("/v1/completions", stream, methods=["POST"]),
        Route("/v1/models", models),
        Route("/cluster", cluster),
        Route("/ready", ready),
        Route("/left", left),
    ]
    inner = Starlette(routes=routes)

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and key is not None and scope["path"] != "/ready":
            sent = dict(scope["headers"]).get(b"authorization", b"").decode()
            if sent != f"Bearer {key}":
                await error(401, "wrong key")(scope, receive, send)
                return
        await inner(scope, receive, send)

    return guarded


class Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets=sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(json.dumps({"url": f"http://127.0.0.1:{port}"}), flush=True)


def main() -> None:
    port, key = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    config = uvicorn.Config(application(key), "127.0.0.1", port, log_level="warning")
    Server(config).run()


if __name__ == "__main__":
    main()

"""What a server costs over the same `generate` in process, and what many at once gain."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai

from bench.lab import Lab, lab
from bench.race import Row, Target, race

_PROMPT = "Write a long story about a ship that sails to the end of the world."
_NEW_TOKENS = int(os.environ.get("BENCH_SERVE_TOKENS", "64"))
_RUNS = int(os.environ.get("BENCH_SERVE_RUNS", "10"))
_TOGETHER = 8
_MODEL = "smollm2-135m"
_PEER = "generate() in a process of its own"
_INVENTORY = """\
cluster: {name}
provider: local
nodes:
  node1: {{slots: 1}}
storage: {{kind: local, path: {storage}}}
engine: {{name: transformers, model: {model}}}
"""


def serve() -> list[Row]:
    """One rank on this machine with all its cores, for the server and for its peer."""
    with lab() as here, _server(here) as (url, folder), _alone(folder) as alone:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        seconds = race(
            {
                "http": lambda: _timed(client),
                "alone": lambda: _asked(alone),
                "together": lambda: {"token": _together(client)},
            },
            runs=_RUNS,
        )
    http, peer = seconds["http"], seconds["alone"]
    return [
        Row("first token over HTTP", _PEER, http["first"], peer["first"], Target("more", 0.01)),
        Row(
            f"each of the next {_NEW_TOKENS - 1} tokens over HTTP",
            _PEER,
            http["token"],
            peer["token"],
            Target("ratio", 1.1),
        ),
        Row(
            f"a token of {_TOGETHER} requests at once",
            "one request",
            seconds["together"]["token"],
            http["whole"],
            Target("ratio", 0.5),
        ),
    ]


def _timed(client: openai.OpenAI) -> dict[str, float]:
    """One request: seconds to its first text, for each token after it, and for each of all."""
    began = time.perf_counter()
    parts = (part.choices[0].delta.content for part in _stream(client) if part.choices)
    times = [time.perf_counter() for text in parts if text]
    if len(times) != _NEW_TOKENS:
        raise RuntimeError(f"{len(times)} texts came for {_NEW_TOKENS} tokens: choose a prompt")
    token = (times[-1] - times[0]) / (_NEW_TOKENS - 1)
    return {"first": times[0] - began, "token": token, "whole": (times[-1] - began) / _NEW_TOKENS}


def _together(client: openai.OpenAI) -> float:
    """Seconds for each token of many requests at once."""
    began = time.perf_counter()
    with ThreadPoolExecutor(_TOGETHER) as pool:
        for heard in [pool.submit(lambda: list(_stream(client))) for _ in range(_TOGETHER)]:
            heard.result()
    return (time.perf_counter() - began) / (_TOGETHER * _NEW_TOKENS)


def _stream(client: openai.OpenAI) -> Any:
    return client.chat.completions.create(
        model=_MODEL,
        messages=[{"role": "user", "content": _PROMPT}],
        temperature=0,
        max_tokens=_NEW_TOKENS,
        stream=True,
        extra_body={"ignore_eos": True},
    )


def _asked(alone: subprocess.Popen[str]) -> dict[str, float]:
    """The same of the peer."""
    assert alone.stdin is not None
    alone.stdin.write(json.dumps({"prompt": _PROMPT, "max_tokens": _NEW_TOKENS}) + "\n")
    alone.stdin.flush()
    event = _event(alone, "answer")
    if event["completion_tokens"] != _NEW_TOKENS:
        raise RuntimeError(f"{_PEER} came to an end early: choose another prompt")
    return {"first": event["first_token_s"], "token": event["token_s"]}


@contextlib.contextmanager
def _server(here: Lab) -> Iterator[tuple[str, str]]:
    """Its URL, and the folder of the model that it serves."""
    name, file = here.name("serve"), here.folder / "serve.yaml"
    storage = Path(here.env["CLUSTERKIT_CACHE"]) / "storage"
    file.write_text(_INVENTORY.format(name=name, storage=storage, model=_MODEL))
    here.clusterkit("up", file, "--yes")
    try:
        folder = here.answer("build", "-c", name)["folder"]
        ready = here.answer("serve", "-c", name, "--detach", "--port", _free_port())
        yield str(ready["url"]), str(folder)
    finally:
        here.clusterkit("stop", "-c", name, "--now")
        here.clusterkit("down", "-c", name, "--yes")


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


@contextlib.contextmanager
def _alone(folder: str) -> Iterator[subprocess.Popen[str]]:
    """The peer, with its model loaded."""
    argv = [sys.executable, "-m", "bench.serve_alone", folder]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        _event(process, "ready")
        yield process


def _event(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    """The next event of this name; those of its tokens come before."""
    assert process.stdout is not None
    for line in process.stdout:
        event: dict[str, Any] = json.loads(line)
        if event["event"] == name:
            return event
    raise RuntimeError(f"{_PEER} ended with {process.wait()}")

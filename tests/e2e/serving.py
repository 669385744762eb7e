"""A server on a cluster, and what people ask it with the official client."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import openai

from tests.e2e.controller import Controller, first_object, free_subnet, new_cluster_name
from tests.e2e.model import CACHE
from tests.e2e.pair import Pair

MODEL = "smollm2-135m"
FRANCE = "What is the capital of France?"
TOKENS = 8
SLOW_S = 600  # a machine that many tests share


@contextmanager
def containers(
    count: int, image: str, folder: Path, engine: docker.DockerClient, **split: int
) -> Iterator[Pair]:
    """So many containers with one slot each; the models are the ones of this machine."""
    name = new_cluster_name()
    controller = Controller(folder / "home", engine, {name})
    with free_subnet(engine) as subnet:
        made = Pair(name, subnet, image, folder, controller, engine)
        try:
            made.describe(
                nodes={f"node[1-{count}]": {"slots": 1}},
                container={"image": image},
                storage={"kind": "bind", "source": str(CACHE / "storage"), "path": "/shared"},
                engine={"name": "transformers", **split},
            )
            made.up()
            yield made
        finally:
            controller.close()


class Serving:
    """`serve` in a terminal of its own, once it is ready."""

    def __init__(self, pair: Pair, *words: object) -> None:
        self.pair = pair
        self.process = pair.controller.start("serve", *words, "-o", "json")
        self.ready = first_object(self.process)

    @property
    def job(self) -> str:
        return str(self.ready["job"])

    def end(self) -> str:
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=60)[1]


def client(url: str, key: str = "none") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=SLOW_S)


def say(url: str, **more: Any) -> Any:
    """One chat completion of the likeliest tokens."""
    asked: dict[str, Any] = {"model": MODEL, "temperature": 0, "max_tokens": TOKENS, **more}
    messages: Any = [{"role": "user", "content": asked.pop("prompt", FRANCE)}]
    return client(url).chat.completions.create(messages=messages, **asked)


def text_of(url: str, **more: Any) -> str:
    return str(say(url, **more).choices[0].message.content)


def streamed(url: str, **more: Any) -> str:
    parts = say(url, stream=True, **more)
    return "".join(part.choices[0].delta.content or "" for part in parts if part.choices)

"""A server over real sockets, with a real tokenizer and ranks that say what the test wrote."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx2
from openai import OpenAI
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from clusterkit.payloads.server.serving import listening, serve_at
from clusterkit.payloads.server.settings import Settings
from clusterkit.payloads.server.work import (
    Heard,
    Load,
    NewToken,
    QueueFull,
    RanksFailed,
    Work,
)

NAME = "tiny"
END = 256
CONTEXT = 64
WITHIN_S = 20
TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'system' and not loop.first %}"
    "{{ raise_exception('the system speaks first') }}{% endif %}"
    "{{ message.role[0] }}:{{ message.content }};{% endfor %}a:"
)
ABOUT = {
    "versions": {"transformers": "5.20.2"},
    "ranks": [
        {"rank": 0, "node": "node1", "device": "cpu", "memory_bytes": 1000},
        {"rank": 1, "node": "node2", "device": "cpu", "memory_bytes": 2000},
    ],
}


@cache
def tiny_tokenizer() -> Any:
    """One token for each byte, and an end."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({letter: at for at, letter in enumerate(letters)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<end>")  # noqa: S106
    tokenizer.chat_template = TEMPLATE
    assert tokenizer.eos_token_id == END
    return tokenizer


def ids_of(text: str) -> list[int]:
    return tiny_tokenizer()(text)["input_ids"]


def says(text: str) -> Callable[[Work], list[NewToken]]:
    """An answer of these bytes and an end; no longer than was asked."""

    def script(work: Work) -> list[NewToken]:
        tokens = [NewToken(token, *figures(work, token)) for token in [*ids_of(text), END]]
        if len(tokens) > work.max_tokens:
            tokens = tokens[: work.max_tokens]
            tokens[-1] = NewToken(*tuple_of(tokens[-1])[:3], finish="length")
        else:
            tokens[-1] = NewToken(*tuple_of(tokens[-1])[:3], finish="stop")
        return tokens

    return script


def figures(work: Work, token: int) -> tuple[float | None, tuple[tuple[int, float], ...]]:
    if work.top_logprobs is None:
        return None, ()
    return -0.5, ((token, -0.5), (END, float("-inf")))[: work.top_logprobs]


def tuple_of(new: NewToken) -> tuple[Any, ...]:
    return new.token, new.logprob, new.top, new.finish


class ScriptedRanks:
    """Answers every work by ``script``, from a thread of its own, or holds it till ``release``."""

    def __init__(self, script: Callable[[Work], list[NewToken]], *, held: bool = False) -> None:
        self.context = CONTEXT
        self.places = 100
        self.works: list[Work] = []
        self.cancelled: list[str] = []
        self._script = script
        self._held = held
        self._open: dict[str, tuple[Heard, list[NewToken]]] = {}
        self._failure: str | None = None
        self._tokens = 0
        self._changed = threading.Condition()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._speak, daemon=True)
        self._thread.start()

    def submit(self, work: Work, heard: Heard) -> None:
        with self._changed:
            if self._failure is not None:
                raise RanksFailed(self._failure)
            if len(self._open) >= self.places:
                raise QueueFull
            self.works.append(work)
            self._open[work.id] = (heard, self._script(work))
            self._changed.notify_all()

    def cancel(self, work_id: str) -> None:
        with self._changed:
            if self._open.pop(work_id, None) is not None:
                self.cancelled.append(work_id)
            self._changed.notify_all()

    def load(self) -> Load:
        with self._changed:
            return Load(running=len(self._open), queued=0, slots=4, tokens=self._tokens)

    def failure(self) -> str | None:
        return self._failure

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        self._thread.join(WITHIN_S)

    def say_one(self) -> None:
        """Let every open work have one token more, though they are held."""
        with self._changed:
            for work_id in list(self._open):
                self._say(work_id)

    def release(self) -> None:
        with self._changed:
            self._held = False
            self._changed.notify_all()

    def fail(self, why: str) -> None:
        with self._changed:
            self._failure = why
            for heard, _ in self._open.values():
                heard(RanksFailed(why))
            self._open.clear()

    def until(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, WITHIN_S)

    def _speak(self) -> None:
        with self._changed:
            while not self._is_stopped:
                if self._held or not self._open:
                    self._changed.wait()
                    continue
                for work_id in list(self._open):
                    self._say(work_id)

    def _say(self, work_id: str) -> None:
        heard, left = self._open[work_id]
        self._tokens += 1
        heard(left.pop(0))
        if not left:
            del self._open[work_id]


@dataclass
class Running:
    """A server that runs in a thread."""

    port: int
    ranks: ScriptedRanks
    stop: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, key: str = "none") -> OpenAI:
        return OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0, timeout=WITHIN_S)

    def post(self, path: str = "/v1/completions", **more: Any) -> httpx2.Response:
        return httpx2.post(self.url + path, timeout=WITHIN_S, **more)

    def get(self, path: str, **more: Any) -> httpx2.Response:
        return httpx2.get(self.url + path, timeout=WITHIN_S, **more)

    def ask(self, **more: Any) -> httpx2.Response:
        return self.post(json={"model": NAME, "prompt": "hi", **more})


@contextmanager
def running(
    script: Callable[[Work], list[NewToken]] | str = "yes", *, held: bool = False, **settings: Any
) -> Iterator[Running]:
    """A server at a free port; it and its ranks are gone afterwards."""
    ranks = ScriptedRanks(says(script) if isinstance(script, str) else script, held=held)
    listener = listening("127.0.0.1", 0)
    server = Running(listener.getsockname()[1], ranks)
    listens = threading.Event()

    def serve() -> None:
        try:
            serve_at(
                listener,
                Settings(NAME, **{"drain_s": 0.2, **settings}),
                ranks,
                tiny_tokenizer(),
                lambda: ABOUT,
                on_listening=listens.set,
                stop=server.stop,
            )
        finally:
            listener.close()
            server.ended.set()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert listens.wait(WITHIN_S)
        yield server
    finally:
        server.stop.set()
        thread.join(WITHIN_S)
        ranks.stop()
        assert not thread.is_alive()

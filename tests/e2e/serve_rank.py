"""One rank of a server that has a script in the place of HTTP; run under mpirun.

``input.json`` has besides what ``serve`` reads ``script``, a list of acts, each a list: its name
and what it needs. Rank 0 tells an event of the same name with what came of it.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from clusterkit.payloads import serve
from clusterkit.payloads.generate_events import rank, tell
from clusterkit.payloads.generate_place import take_place
from clusterkit.payloads.generate_prompts import in_chat
from clusterkit.payloads.rank_main import run_rank
from clusterkit.payloads.server.work import Generation, NewToken, RanksFailed, Work


class Client:
    """Asks, and hears all that comes for what it asked."""

    def __init__(self, generation: Generation, tokenizer: Any) -> None:
        self._generation, self._tokenizer = generation, tokenizer
        self._asked = 0

    def ask(self, prompt: str, max_tokens: int, **how: Any) -> tuple[str, queue.Queue[Any]]:
        heard: queue.Queue[Any] = queue.Queue()
        self._asked += 1
        ids = self._tokenizer(in_chat(self._tokenizer, None, prompt), add_special_tokens=False)
        work = Work(f"r{self._asked}", tuple(ids["input_ids"]), max_tokens, **how)
        self._generation.submit(work, heard.put)
        return work.id, heard

    def answers(self, asked: list[list[Any]]) -> list[list[NewToken]]:
        """Of all at once."""
        return [whole(heard) for _, heard in [self.ask(*each[:2], **each[2]) for each in asked]]


def whole(heard: queue.Queue[Any]) -> list[NewToken]:
    """All tokens of one answer."""
    tokens: list[NewToken] = []
    while not tokens or not tokens[-1].finish:
        told = heard.get(timeout=60)
        if isinstance(told, RanksFailed):
            raise told
        tokens.append(told)
    return tokens


def play(
    request: dict[str, Any],
    generation: Generation,
    tokenizer: Any,
    about: Callable[[], dict[str, Any]],
    *,
    on_listening: Callable[[int], None],
) -> None:
    """In the place of the HTTP server."""
    signal.signal(signal.SIGTERM, lambda *_: None)  # it would drain; there is nothing to drain
    on_listening(0)
    client = Client(generation, tokenizer)
    for name, *told in request["script"]:
        ACTS[name](client, generation, about, *told)


def answers(client: Client, _g: Generation, _about: Any, *asked: list[Any]) -> None:
    """Many requests at once."""
    began = time.monotonic()
    told = client.answers(list(asked))
    tell(
        event="answers",
        token_ids=[[each.token for each in tokens] for tokens in told],
        finish=[tokens[-1].finish for tokens in told],
        logprobs=[[tokens[0].logprob, tokens[0].top] for tokens in told],
        took_s=time.monotonic() - began,
    )


def cancel(client: Client, generation: Generation, _about: Any, *asked: list[Any]) -> None:
    """Of two requests the first goes away; the other has its answer."""
    (gone, heard), (_, other) = [client.ask(*each[:2], **each[2]) for each in asked]
    heard.get(timeout=60)
    generation.cancel(gone)
    running = generation.load().running
    tokens = [each.token for each in whole(other)]
    tell(event="cancel", running=running, token_ids=tokens, late=heard.qsize())


def lost(client: Client, generation: Generation, about: Any, *asked: list[Any]) -> None:
    """A rank is killed by the test while these run."""
    heard = [client.ask(*each[:2], **each[2])[1] for each in asked]
    for each in heard:
        each.get(timeout=60)
    tell(event="running", ranks=about()["ranks"])
    said = []
    for each in heard:
        while not isinstance(told := each.get(timeout=60), RanksFailed):
            pass
        said.append(str(told))
    tell(event="lost", said=said, at=time.time(), failure=generation.failure())
    try:
        client.ask("Hi!", 1)
    except RanksFailed as error:
        tell(event="refused", said=str(error))


def idle(_client: Client, _g: Generation, about: Any, seconds: float) -> None:
    """Nothing, for so long; and what it costs."""
    began = time.process_time()
    threading.Event().wait(seconds)
    tell(event="idle", cpu_s=time.process_time() - began, ranks=about()["ranks"])


ACTS: dict[str, Callable[..., None]] = {
    "answers": answers,
    "cancel": cancel,
    "lost": lost,
    "idle": idle,
}


def _rank(request: dict[str, Any]) -> None:
    take_place(tp=request["tp"], pp=request["pp"])
    tell(event="pid", rank=rank(), pid=os.getpid())
    serve.run(request, play)


if __name__ == "__main__":
    run_rank(_rank)

"""Ask a server many prompts at once, and hear all of its answers in one thread."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from clusterkit.engines.request import GenerateRequest
from clusterkit.errors import ClusterkitError, JobFailed, ServerFailed, UsageError
from clusterkit.events import RankAnswer, Sink
from clusterkit.transports.openai_server import OpenAiServer
from clusterkit.use_cases.streamed import Streamed

_QUEUE_IS_FULL = 429
_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class _Text:
    """What came of one answer."""

    prompt: int
    text: str


@dataclass(frozen=True, slots=True)
class _Ended:
    """An answer is whole, or failed."""

    prompt: int
    answer: Streamed
    error: Exception | None = None


def ask_all(
    server: OpenAiServer,
    request: GenerateRequest,
    settings: list[dict[str, Any]],
    *,
    room: int,
    timeout_s: float | None,
    sink: Sink,
) -> list[Streamed]:
    """The answers in the order of the prompts; ``sink`` hears them as of a rank's program.

    ``room`` prompts are asked at the same time. Nobody waits for the others after an error, or
    after Ctrl-C: the server hears that nobody listens.

    Raises:
        ServerFailed: If one is refused, or broke off.
        JobFailed: If they are not all there after ``timeout_s``.
    """
    heard: SimpleQueue[_Text | _Ended] = SimpleQueue()
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in range(len(request.prompts)):
        waiting.put(number)

    def work() -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except Empty:
                return
            heard.put(_asked(server, request, settings[number], number, heard))

    for _ in range(min(room, len(request.prompts))):
        threading.Thread(target=work, daemon=True).start()
    ended: dict[int, Streamed] = {}
    until = None if timeout_s is None else time.monotonic() + timeout_s
    while len(ended) < len(request.prompts):
        try:
            told = heard.get(timeout=None if until is None else max(0, until - time.monotonic()))
        except Empty:
            raise JobFailed(
                f"{server.url}: no whole answer within {timeout_s:g} s. "
                "Fix: give it longer with `--timeout`",
                exit_code=124,
            ) from None
        match told:
            case _Text(number, text):
                sink(RankAnswer(0, {"event": "token", "prompt": number, "text": text}))
            case _Ended(number, answer, None):
                ended[number] = answer
                words = {"prompt": number, "prompt_text": "", "text": answer.text}
                sink(RankAnswer(0, {"event": "answer", **words}))
            case _Ended(number, _, error):
                raise _of_prompt(number, error, of=len(request.prompts))
    return [ended[number] for number in range(len(request.prompts))]


def _asked(
    server: OpenAiServer,
    request: GenerateRequest,
    settings: dict[str, Any],
    number: int,
    heard: SimpleQueue[_Text | _Ended],
) -> _Ended:
    """One prompt, asked again for as long as the server has no room for it."""
    while True:
        answer = Streamed(lambda text: heard.put(_Text(number, text)))
        prompt = request.prompts[number]
        try:
            if request.raw:
                answer.take(server.complete(prompt, **settings))
            else:
                answer.take(server.chat(_messages(prompt, request.system), **settings))
        except ServerFailed as error:
            if error.status != _QUEUE_IS_FULL:
                return _Ended(number, answer, error)
            time.sleep(error.retry_after_s or _PAUSE_S)
        except Exception as error:  # of a thread, to be raised where somebody hears it
            return _Ended(number, answer, error)
        else:
            return _Ended(number, answer)


def _messages(prompt: str, system: str | None) -> list[dict[str, str]]:
    first = [] if system is None else [{"role": "system", "content": system}]
    return [*first, {"role": "user", "content": prompt}]


def _of_prompt(number: int, error: Exception | None, *, of: int) -> Exception:
    """The error, with what else can be done; of several prompts with the number of its own."""
    if not isinstance(error, ServerFailed):
        return error or ClusterkitError("no answer")
    which = f"prompt {number + 1}: " if of > 1 else ""
    is_wrong = error.exit_code == UsageError.exit_code
    otherwise = "" if is_wrong else "; `--cold` loads the model for this run"
    return ServerFailed(f"{which}{error}{otherwise}", status=error.status)

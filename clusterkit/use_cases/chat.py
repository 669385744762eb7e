"""Talk to the model of a running server: what was said, what is asked, what came."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

from clusterkit.command import Step
from clusterkit.errors import ServerFailed, UsageError, what_and_fix
from clusterkit.model.chat_options import ChatOptions
from clusterkit.results.chat import ChatResult, ChatTurn
from clusterkit.state.key_file import first_key
from clusterkit.transports.openai_server import OpenAiServer
from clusterkit.use_cases.running_server import (
    how_it_ended,
    reached,
    running_server,
    running_steps,
)
from clusterkit.use_cases.session import Which, find, open_world
from clusterkit.use_cases.streamed import Streamed

USUAL_MAX_TOKENS = 1024
"""Small models may go on until their context is full, which takes minutes and tells nothing."""


class Conversation:
    """A chat with one server, which is looked for again after it could not be reached.

    An answer that was stopped stays as far as it came; a question that failed was never asked.
    """

    def __init__(self, which: Which, options: ChatOptions) -> None:
        self._which = which
        self._options = options
        self._key = first_key(options.api_key_file)
        self._server: OpenAiServer | None = None
        self._open = ExitStack()
        self._how_it_ended: Callable[[], ServerFailed | None] = _unknown
        self._said: list[dict[str, str]] = []
        self.system = options.system
        self.turns: list[ChatTurn] = []
        self.url = options.url or ""
        self.job: str | None = None
        self.model = options.model or ""

    def __enter__(self) -> Self:
        """Find the server, and what it calls its model.

        Raises:
            UsageError: If there is no such server.
            ServerFailed: If it does not answer.
        """
        self._reach()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def ask(self, text: str, on_text: Callable[[str], None]) -> ChatTurn:
        """Ask; ``on_text`` gets the answer as it comes. After Ctrl-C the chat can go on.

        Raises:
            ServerFailed: If the answer failed, with what the server says of itself.
        """
        answer = Streamed(on_text)
        question = {"role": "user", "content": text}
        try:
            server = self._reach()
            self._answered(server, [*self._before(), question], answer)
        except KeyboardInterrupt:
            if answer.text:
                self._keep(question, answer)
            raise
        except ServerFailed as error:
            raise self._explained(error) from None
        return self._keep(question, answer)

    def _answered(
        self, server: OpenAiServer, messages: list[dict[str, str]], answer: Streamed
    ) -> None:
        """Without a limit that was asked for, what is usual, or what there is room for."""
        settings = self._settings()
        usual = {} if "max_tokens" in settings else {"max_tokens": USUAL_MAX_TOKENS}
        try:
            answer.take(server.chat(messages, **settings, **usual))
        except ServerFailed as error:
            if not usual or error.status != _REFUSED or "max_tokens" not in str(error):
                raise
            answer.take(server.chat(messages, **settings))  # it gives fewer, whatever is asked

    def reset(self) -> None:
        """Forget what was said; the system prompt stays."""
        self._said.clear()

    def result(self) -> ChatResult:
        """All questions that were answered."""
        return ChatResult(url=self.url, job=self.job, model=self.model, turns=tuple(self.turns))

    def _keep(self, question: dict[str, str], answer: Streamed) -> ChatTurn:
        turn = ChatTurn(
            prompt=question["content"],
            text=answer.text,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            finish_reason=answer.finish,
            first_token_s=answer.first_token_s,
            token_s=answer.token_s,
        )
        self.turns.append(turn)
        self._said += [question, {"role": "assistant", "content": answer.text}]
        return turn

    def _before(self) -> list[dict[str, str]]:
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, *self._said]

    def _settings(self) -> dict[str, Any]:
        """What was given."""
        given = {
            "model": self.model,
            "max_tokens": self._options.max_tokens,
            "temperature": self._options.temperature,
        }
        return {name: value for name, value in given.items() if value is not None}

    def _reach(self) -> OpenAiServer:
        """The server, found and asked for its model where it is not yet."""
        if self._server is None:
            try:
                self._server = self._opened()
            except BaseException:
                self._open.close()
                raise
        return self._server

    def _opened(self) -> OpenAiServer:
        is_found = self._options.url is None
        url = self._options.url or self._found()
        server = self._open.enter_context(OpenAiServer(url, self._key, is_direct=is_found))
        try:
            models = server.models()
        except ServerFailed as error:
            is_silent = is_found and error.status is None
            raise (_not_yet(self.job, error) if is_silent else error) from None
        known = ", ".join(models) or "no model"
        wanted = self._options.model
        if not models or wanted not in (None, *models):
            asked = f"`--model {wanted}`: " if wanted else ""
            raise UsageError(f"{asked}{server.url} serves {known}. Fix: one of those that it has")
        self.url, self.model = server.url, wanted or models[0]
        return server

    def _found(self) -> str:
        session = find(self._which)
        world = self._open.enter_context(open_world(session))
        asked = running_server(session, world, self._options.job)
        self._how_it_ended = lambda: how_it_ended(session, world, asked.id)
        self.job = asked.id
        return self._open.enter_context(reached(session, asked))

    def _explained(self, error: ServerFailed) -> ServerFailed:
        """The error; of a server that broke off or failed, in its own words where it has some."""
        server, self._server = self._server, None
        if server is not None and error.status is not None and error.status < _FAILED:
            self._server = server  # it is well, and refused this
            return error
        try:
            may_have_ended = error.status in (None, _FAILED, _UNREADY)
            return (may_have_ended and self._how_it_ended()) or _of_itself(server, error)
        finally:
            self._open.close()  # the next question looks for it again


def _of_itself(server: OpenAiServer | None, error: ServerFailed) -> ServerFailed:
    """The error; of a server that broke off without a word, why it says that it is not ready."""
    if server is None or error.status is not None or (why := server.why_not_ready()) is None:
        return error
    return ServerFailed(why)


def _not_yet(job: str | None, error: ServerFailed) -> ServerFailed:
    """Of a server that runs, but does not listen."""
    what, _ = what_and_fix(str(error))
    fix = f"wait until it has loaded its model: `clusterkit logs -f {job}` shows how far it is"
    return ServerFailed(f"server {job} does not answer yet: {what} Fix: {fix}")


def _unknown() -> None:
    """How a server ended that is no job of ours."""


_REFUSED, _FAILED, _UNREADY = 400, 500, 503


def chat_steps(which: Which, options: ChatOptions) -> list[Step]:
    """What finds the server, not asked; one that has a URL need not be found."""
    return [] if options.url else running_steps(find(which), options.job)

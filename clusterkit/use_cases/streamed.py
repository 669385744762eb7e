"""One answer of a server, gathered from its pieces as they come."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from clusterkit.transports.openai_server import Answer, Piece


class Streamed:
    """Text, counts and times of one answer; ``on_text`` gets the text as it comes."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._began = time.monotonic()
        self._times: list[float] = []
        self._ids: list[int] = []
        self._tells_ids = False
        self.text = ""
        self.finish: str | None = None
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None

    def take(self, answer: Answer) -> None:
        """All of it; whatever happens meanwhile, the server hears that nobody listens."""
        with closing(answer):
            for piece in answer:
                self._add(piece)

    @property
    def token_ids(self) -> tuple[int, ...] | None:
        """Of the answer; None: the server does not tell."""
        return tuple(self._ids) if self._tells_ids else None

    @property
    def first_token_s(self) -> float | None:
        """Seconds from the question to the first text; None: none came."""
        return self._times[0] - self._began if self._times else None

    @property
    def token_s(self) -> float | None:
        """Mean seconds a token after the first; None: there is none."""
        after = (self.completion_tokens or len(self._times)) - 1
        if after < 1 or not self._times or self._times[-1] == self._times[0]:
            return None
        return (self._times[-1] - self._times[0]) / after

    def _add(self, piece: Piece) -> None:
        if piece.text:
            self._times.append(time.monotonic())
            self.text += piece.text
            self._on_text(piece.text)
        if piece.token_ids is not None:
            self._tells_ids = True
            self._ids += piece.token_ids
        self.finish = piece.finish or self.finish
        if piece.completion_tokens is not None:
            self.prompt_tokens = piece.prompt_tokens
            self.completion_tokens = piece.completion_tokens

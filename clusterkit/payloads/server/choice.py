"""One answer to one prompt, while its tokens come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clusterkit.payloads.server.logprobs import TokenFigures
from clusterkit.payloads.server.text import StopWords, TextOfTokens
from clusterkit.payloads.server.work import NewToken


@dataclass(frozen=True)
class Piece:
    """Text that can be told, and the tokens that it came from."""

    text: str
    figures: list[TokenFigures]


class Choice:
    """Makes pieces of an answer out of tokens; it is over when ``finish`` says why."""

    def __init__(self, tokenizer: Any, index: int, *, stop: list[str]) -> None:
        self.index = index
        self.tokens = 0
        self._ids: list[int] = []
        self.finish: str | None = None
        self._text = TextOfTokens(tokenizer)
        self._stop = StopWords(stop)
        self._read = self._told = 0
        self._figures: list[TokenFigures] = []

    def hear(self, new: NewToken) -> Piece:
        """Take a token; what can be told now, which may be nothing."""
        self.tokens += 1
        self._ids.append(new.token)
        # The token that ends an answer is no part of it.
        if new.logprob is not None and new.finish != "stop":
            self._figures.append(TokenFigures(new.token, new.logprob, new.top, self._read))
        text = self._text.add(new.token)
        if new.finish is not None:
            text += self._text.rest()
        self._read += len(text)
        told = self._stop.add(text)
        if self._stop.found:
            self.finish = "stop"
        elif new.finish is not None:
            self.finish = new.finish
            told += self._stop.rest()
        return self._piece(told)

    def new_ids(self) -> list[int]:
        """The tokens since this was asked last, that which ends the answer among them."""
        ids, self._ids = self._ids, []
        return ids

    def _piece(self, text: str) -> Piece:
        self._told += len(text)
        is_whole = self.finish is not None and not self._stop.found
        told = [one for one in self._figures if is_whole or one.offset < self._told]
        self._figures = self._figures[len(told) :]
        return Piece(text, told)

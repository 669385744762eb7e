"""Answers as OpenAI's routes write them; each route has its own shapes."""

from __future__ import annotations

from typing import Any, Protocol

from clusterkit.payloads.server.choice import Piece


class Shapes(Protocol):
    """How one route writes an answer."""

    prefix: str
    """Of an answer's id."""

    whole_object: str
    chunk_object: str

    def whole(self, tokenizer: Any, piece: Piece, *, logprobs: bool) -> dict[str, Any]:
        """A choice of a whole answer, without its number and its end."""

    def beginning(self) -> dict[str, Any] | None:
        """What a stream says of a choice before its first text; None: nothing."""

    def part(self, tokenizer: Any, piece: Piece, *, logprobs: bool) -> dict[str, Any]:
        """What a stream says of a choice when there is text; an empty piece is its end."""


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """What was read and written."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }

"""POST /v1/completions."""

from __future__ import annotations

from typing import Any

from clusterkit.payloads.server.choice import Piece
from clusterkit.payloads.server.logprobs import for_completion
from clusterkit.payloads.server.prompts import ids_of_prompt
from clusterkit.payloads.server.requests import CompletionAsked


class CompletionShapes:
    """Text, whole or in parts of the same shape."""

    prefix = "cmpl-"
    whole_object = chunk_object = "text_completion"

    def whole(self, tokenizer: Any, piece: Piece, *, logprobs: bool) -> dict[str, Any]:
        """A choice of a whole answer, without its number and its end."""
        figures = for_completion(tokenizer, piece.figures) if logprobs else None
        return {"text": piece.text, "logprobs": figures}

    def beginning(self) -> dict[str, Any] | None:
        """The first text is the beginning."""
        return None

    def part(self, tokenizer: Any, piece: Piece, *, logprobs: bool) -> dict[str, Any]:
        """Some text; the last one is empty."""
        is_empty = not piece.text and not piece.figures
        return self.whole(tokenizer, piece, logprobs=logprobs and not is_empty)


def completion_prompts(tokenizer: Any, asked: CompletionAsked) -> list[list[int]]:
    """The prompts of a completion as token ids."""
    return [ids_of_prompt(tokenizer, prompt) for prompt in asked.prompt]

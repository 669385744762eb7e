"""POST /v1/chat/completions."""

from __future__ import annotations

from typing import Any

from clusterkit.payloads.server.choice import Piece
from clusterkit.payloads.server.logprobs import for_chat
from clusterkit.payloads.server.prompts import ids_of_chat
from clusterkit.payloads.server.requests import ChatAsked


class ChatShapes:
    """A message, or deltas of one."""

    prefix = "chatcmpl-"
    whole_object = "chat.completion"
    chunk_object = "chat.completion.chunk"

    def whole(self, tokenizer: Any, piece: Piece, *, logprobs: bool) -> dict[str, Any]:
        """A choice of a whole answer, without its number and its end."""
        message = {"role": "assistant", "content": piece.text, "refusal": None}
        return {"message": message, "logprobs": _figures(tokenizer, piece, logprobs)}

    def beginning(self) -> dict[str, Any] | None:
        """The role comes first."""
        delta = {"role": "assistant", "content": "", "refusal": None}
        return {"delta": delta, "logprobs": None}

    def part(self, tokenizer: Any, piece: Piece, *, logprobs: bool) -> dict[str, Any]:
        """A delta; the last one is empty."""
        is_empty = not piece.text and not piece.figures
        delta = {} if is_empty else {"content": piece.text}
        return {"delta": delta, "logprobs": _figures(tokenizer, piece, logprobs and not is_empty)}


def chat_prompts(tokenizer: Any, asked: ChatAsked) -> list[list[int]]:
    """The one prompt of a chat as token ids."""
    return [ids_of_chat(tokenizer, asked.messages)]


def _figures(tokenizer: Any, piece: Piece, wanted: bool) -> dict[str, Any] | None:
    return for_chat(tokenizer, piece.figures) if wanted else None

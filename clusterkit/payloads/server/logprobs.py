"""Tokens and their log probabilities, as OpenAI's two routes write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_LEAST = -9999.0
"""What OpenAI says of a token that is all but impossible; JSON has no infinity."""


@dataclass(frozen=True)
class TokenFigures:
    """One token of an answer; ``offset`` is where its text begins in the answer."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...]
    offset: int


def for_chat(tokenizer: Any, figures: list[TokenFigures]) -> dict[str, Any]:
    """As in a chat's ``logprobs``."""
    content = [
        {
            **_named(tokenizer, one.token, one.logprob),
            "top_logprobs": [_named(tokenizer, *likely) for likely in one.top],
        }
        for one in figures
    ]
    return {"content": content, "refusal": None}


def for_completion(tokenizer: Any, figures: list[TokenFigures]) -> dict[str, Any]:
    """As in a completion's ``logprobs``; the drawn token is always among the likeliest."""
    return {
        "tokens": [name_of(tokenizer, one.token) for one in figures],
        "token_logprobs": [_finite(one.logprob) for one in figures],
        "top_logprobs": [
            {
                name_of(tokenizer, token): _finite(logprob)
                for token, logprob in (*one.top, (one.token, one.logprob))
            }
            for one in figures
        ],
        "text_offset": [one.offset for one in figures],
    }


def name_of(tokenizer: Any, token: int) -> str:
    """A token's text; its bytes, where it is no whole character."""
    raw = bytes_of(tokenizer, token)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in raw)


def bytes_of(tokenizer: Any, token: int) -> bytes:
    """The bytes that a token stands for, whichever way its tokenizer writes them."""
    piece = tokenizer.convert_ids_to_tokens(token)
    if piece is None:
        return b""  # a row of the model's head that no token has
    if byte := _BYTE.fullmatch(piece):
        return bytes([int(byte[1], 16)])
    text: str = tokenizer.decode([token], clean_up_tokenization_spaces=False)
    if "\ufffd" in text:
        if all(letter in _BYTES_OF_LETTERS for letter in piece):
            return bytes(_BYTES_OF_LETTERS[letter] for letter in piece)
    elif piece.startswith("\u2581") and not text.startswith((" ", "\u2581")):
        text = " " + text  # such a space is lost at the beginning of what is decoded
    return text.encode("utf-8")


def _named(tokenizer: Any, token: int, logprob: float) -> dict[str, Any]:
    raw = bytes_of(tokenizer, token)
    return {"token": name_of(tokenizer, token), "logprob": _finite(logprob), "bytes": list(raw)}


def _finite(logprob: float) -> float:
    return max(logprob, _LEAST)


def _letters() -> dict[str, int]:
    """The letter that byte-level tokenizers write for each byte, and the byte."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(0x100) if byte not in shown]
    letters = {chr(byte): byte for byte in shown}
    return {**letters, **{chr(0x100 + rank): byte for rank, byte in enumerate(hidden)}}


_BYTES_OF_LETTERS = _letters()

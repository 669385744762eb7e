"""How long a prompt and its answer may be."""

from __future__ import annotations

from clusterkit.payloads.server.errors import ApiError, invalid
from clusterkit.payloads.server.settings import Settings


def answer_tokens(
    prompt_tokens: int, asked: int | None, *, settings: Settings, context: int
) -> int:
    """How many tokens an answer may have.

    Raises:
        ApiError: If the prompt, or what was asked for, is too long.
    """
    longest = context - 1
    if settings.max_prompt_tokens is not None:
        longest = min(longest, settings.max_prompt_tokens)
    if prompt_tokens > longest:
        message = f"the prompt has {prompt_tokens} tokens, and {longest} at most are taken"
        raise _too_long(f"{message}. Fix: send a shorter one")
    if asked is not None and settings.max_tokens is not None and asked > settings.max_tokens:
        message = f"max_tokens is {asked}, and {settings.max_tokens} at most are given"
        raise _too_long(f"{message}. Fix: `max_tokens: {settings.max_tokens}`", "max_tokens")
    left = context - prompt_tokens
    if asked is not None and asked > left:
        message = (
            f"the prompt has {prompt_tokens} tokens and {asked} may follow; the model's context "
            f"is {context}. Fix: `max_tokens: {left}` at most"
        )
        raise _too_long(message, "max_tokens")
    if asked is not None:
        return asked
    return left if settings.max_tokens is None else min(left, settings.max_tokens)


def _too_long(message: str, param: str | None = None) -> ApiError:
    return invalid(message, param, "context_length_exceeded")

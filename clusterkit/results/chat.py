"""What ``chat`` answers where no person reads it: every question with its answer."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model


class ChatTurn(Model):
    """One question and its answer."""

    prompt: str
    text: str
    prompt_tokens: int | None = Field(
        default=None,
        description="Of the whole conversation until here; null: the server does not tell",
    )
    completion_tokens: int | None = Field(
        default=None, description="Null: the server does not tell"
    )
    finish_reason: str | None = Field(
        default=None,
        description="stop: the model ended it; length: the most tokens did; null: it was stopped",
        examples=["stop", "length"],
    )
    first_token_s: float | None = Field(
        default=None, description="Seconds from the question to the first text; null: none came"
    )
    token_s: float | None = Field(
        default=None, description="Mean seconds a token after the first; null: there is none"
    )


class ChatResult(Model):
    """A conversation that came to its end."""

    url: str = Field(description="Of the server, as it is reached from here")
    job: str | None = Field(default=None, description="Of the server; null: found by its URL")
    model: str = Field(description="What the server calls it")
    turns: tuple[ChatTurn, ...]

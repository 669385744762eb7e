"""What clients may ask, as OpenAI documents it."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from clusterkit.payloads.server.errors import ApiError, invalid
from clusterkit.payloads.server.fields import without_idle_fields
from clusterkit.payloads.server.prompts import Message, Prompt, prompts_of, spoken

_MOST_STOP_WORDS = 16
_MOST_TOP_LOGPROBS = 20
_INT64 = 2**63


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class StreamOptions(_Strict):
    """How a stream ends; ``continuous_usage_stats`` counts in every chunk, as vLLM does."""

    include_usage: bool = False
    continuous_usage_stats: bool = False
    include_obfuscation: bool = False


class Asked(_Strict):
    """What both routes take."""

    model: str
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    stop: list[str] = []
    seed: int | None = Field(None, ge=-_INT64, lt=_INT64)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    ignore_eos: bool = False
    return_token_ids: bool = False

    @field_validator("stop", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        words = [value] if isinstance(value, str) else value
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError("a string, or a list of strings, is wanted")
        if len(words) > _MOST_STOP_WORDS:
            raise ValueError(f"{len(words)} stop words, and {_MOST_STOP_WORDS} at most are taken")
        if "" in words:
            raise ValueError("an empty stop word would stop everything")
        return words

    @property
    def answer_tokens(self) -> int | None:
        """How many tokens were asked for; None: as many as fit."""
        return self.max_tokens

    @property
    def wanted_logprobs(self) -> int | None:
        """How many likeliest tokens are wanted beside each that was drawn; None: no figures."""
        raise NotImplementedError


class ChatAsked(Asked):
    """What /v1/chat/completions takes."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    logprobs: bool = False
    top_logprobs: int | None = Field(None, ge=0, le=_MOST_TOP_LOGPROBS)

    @field_validator("messages", mode="before")
    @classmethod
    def _spoken(cls, value: Any) -> Any:
        if not isinstance(value, list):
            raise ValueError("a list of messages is wanted")
        return [spoken(number, message) for number, message in enumerate(value)]

    @property
    def answer_tokens(self) -> int | None:
        """How many tokens were asked for; None: as many as fit."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def wanted_logprobs(self) -> int | None:
        """As for both."""
        return self.top_logprobs or 0 if self.logprobs else None


class CompletionAsked(Asked):
    """What /v1/completions takes; OpenAI answers with 16 tokens where nothing is said."""

    prompt: list[Prompt] = Field(min_length=1)
    max_tokens: int | None = Field(16, ge=1)
    logprobs: int | None = Field(None, ge=0, le=_MOST_TOP_LOGPROBS)

    @field_validator("prompt", mode="before")
    @classmethod
    def _prompts(cls, value: Any) -> Any:
        return prompts_of(value)

    @property
    def wanted_logprobs(self) -> int | None:
        """As for both."""
        return self.logprobs


AnyAsked = TypeVar("AnyAsked", bound=Asked)


def checked(kind: type[AnyAsked], sent: dict[str, Any], *, served: str) -> AnyAsked:
    """The request as asked.

    Raises:
        ApiError: If it is none, or asks for another model, or for what there is not.
    """
    try:
        asked = kind.model_validate(without_idle_fields(sent))
    except ValidationError as error:
        raise _first(error) from None
    if asked.model != served:
        message = f"model {asked.model!r} is not served here. Fix: ask for {served!r}"
        raise ApiError(404, message, param="model", code="model_not_found")
    if isinstance(asked, ChatAsked) and asked.top_logprobs is not None and not asked.logprobs:
        raise invalid("top_logprobs needs logprobs. Fix: add `logprobs: true`", "top_logprobs")
    if "stream_options" in asked.model_fields_set and not asked.stream:
        raise invalid("stream_options needs stream. Fix: add `stream: true`", "stream_options")
    return asked


def _first(error: ValidationError) -> ApiError:
    """The first of the mistakes, as a client can mend it."""
    mistake = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in mistake["loc"])
    said = mistake["msg"].removeprefix("Value error, ")
    if mistake["type"] == "extra_forbidden":
        return invalid(f"{field}: there is no such field. Fix: leave it out", field)
    if mistake["type"] == "missing":
        return invalid(f"{field}: is missing. Fix: add it", field)
    if mistake["type"] == "value_error":
        return invalid(f"{field}: {said}. Fix: change it", field)
    given = json.dumps(mistake["input"], ensure_ascii=True, default=str)
    shown = given if len(given) <= 40 else given[:37] + "..."
    return invalid(f"{field}: {shown}: {said[:1].lower()}{said[1:]}. Fix: change it", field)

"""The options of ``chat``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from clusterkit.model.base import Model
from clusterkit.model.mistakes import mistake

ApiKeyFile = Annotated[
    Path | None,
    Field(description="A file with the key that the server wants", examples=["server.key"]),
]


class ChatOptions(Model):
    """Talk to the model of a running server."""

    job: str | None = Field(
        default=None,
        min_length=1,
        description="The job of the server; default: the newest that runs",
        examples=["serve-7f3a2c"],
    )
    url: str | None = Field(
        default=None,
        min_length=1,
        description="A server of OpenAI's routes, wherever it is",
        examples=["http://127.0.0.1:8000"],
    )
    system: str | None = Field(
        default=None, description="The system prompt", examples=["Answer in one sentence."]
    )
    max_tokens: int | None = Field(
        default=None,
        ge=1,
        description="At most this many tokens an answer; default: 1024",
        examples=[256],
    )
    temperature: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="0 takes the likeliest token; default: the server's",
        examples=[0.7],
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        description="What the server calls the model; default: the first that it has",
        examples=["smollm2-135m"],
    )
    api_key_file: ApiKeyFile = None
    no_history: bool = Field(default=False, description="Write down nothing that is typed")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.job is not None and self.url is not None:
            raise mistake("`job` and `url` both name a server", "leave one of them out")
        return self

"""The options of ``serve`` and ``proxy``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from clusterkit.model.base import Model
from clusterkit.model.infer_options import PipelineParallel, TensorParallel
from clusterkit.model.job_options import RetryOptions, Timeout

Port = Annotated[int, Field(ge=1, le=65535)]


class ServeOptions(RetryOptions):
    """Serve the model over HTTP until it is ended."""

    port: Port = Field(default=8000, description="On the head", examples=[8000])
    host: str | None = Field(
        default=None,
        min_length=1,
        description="Where the head listens; default: 127.0.0.1, by a tunnel",
        examples=["0.0.0.0"],  # noqa: S104
    )
    api_key_file: Path | None = Field(
        default=None,
        description="Answer only who has one of these keys, one a line",
        examples=["keys.txt"],
    )
    tp: TensorParallel = None
    pp: PipelineParallel = None
    replicas: int = Field(
        default=1,
        ge=1,
        description="So many copies of the model answer, each of tp x pp ranks",
        examples=[2],
    )
    engine: Literal["triton"] | None = Field(
        default=None,
        description="Serve by Triton what engine tensorrt-llm built",
        examples=["triton"],
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        description="Another model than the inventory's",
        examples=["/models/llama-3-8b"],
    )
    compile: Literal["off", "auto"] | None = Field(
        default=None, description="Default: the inventory's", examples=["auto"]
    )
    max_batch: int | None = Field(
        default=None, ge=1, description="Requests that are answered at once; default: 16"
    )
    max_queue: int | None = Field(
        default=None, ge=0, description="Requests that may wait; default: 256"
    )
    max_prompt_tokens: int | None = Field(
        default=None, ge=1, description="Of one request; default: what the model can hold"
    )
    max_tokens: int | None = Field(
        default=None, ge=1, description="New tokens of one request; default: as the model can"
    )
    request_timeout_s: Timeout | None = Field(
        default=None, description="End a request after so many seconds; default: 600"
    )
    drain_s: float | None = Field(
        default=None,
        ge=0,
        le=3600,
        description="Seconds for open requests at the end; default: 30",
        examples=[60],
    )
    detach: bool = Field(
        default=False, description="Return once it answers; it runs on until `clusterkit stop`"
    )
    force: bool = Field(default=False, description="Serve though the last `doctor --gate` failed")
    timeout_s: Timeout | None = Field(
        default=None, description="End it after this many seconds", examples=[3600]
    )

    @property
    def limits(self) -> dict[str, int | float]:
        """The limits of requests that were given, by name."""
        names = (
            "max_batch", "max_queue", "max_prompt_tokens", "max_tokens", "request_timeout_s",
        )  # fmt: skip
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class ProxyOptions(Model):
    """Reach a server that runs on, from this machine, until it is ended."""

    job: str | None = Field(
        default=None, min_length=1, description="The server's job; default: the last that runs"
    )
    port: Port | None = Field(
        default=None, description="On this machine; default: the server's own, if it is free"
    )

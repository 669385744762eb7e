"""What ``serve`` answers as soon as the server does, and ``proxy``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model

Via = Literal["network", "tunnel", "proxy"]


class ServeRank(Model):
    """One rank of the server."""

    replica: int = Field(default=0, description="Which copy of the model it is of")
    rank: int
    node: str


class ServeResult(Model):
    """A server that gave a real completion."""

    cluster: str
    job: str
    url: str = Field(
        description="OpenAI's routes are below it, or those of Triton",
        examples=["http://127.0.0.1:8000"],
    )
    via: Via = Field(
        default="network",
        description="How the URL leads there. tunnel: while `serve` runs. proxy: while "
        "`clusterkit proxy` does",
    )
    metrics: str | None = Field(
        default=None,
        description="What Prometheus can scrape",
        examples=["http://127.0.0.1:8000/metrics"],
    )
    grpc: str | None = Field(
        default=None,
        description="Where Triton answers gRPC; null: the server has none",
        examples=["127.0.0.1:8001"],
    )
    model: str = Field(description="What the server calls the model; requests name it so")
    detached: bool = Field(
        default=False, description="Whether it runs on by itself, until `clusterkit stop`"
    )
    replicas: int = Field(default=1, description="Copies of the model, behind one URL")
    tp: int = Field(description="Tensor parallel size")
    pp: int = Field(description="Pipeline parallel size")
    answer: str = Field(description="Of the first completion")
    ready_s: float = Field(description="Seconds from the start of the job to the completion")
    ranks: tuple[ServeRank, ...]


class ProxyResult(Model):
    """A server that is reached from this machine while `proxy` runs."""

    cluster: str
    job: str
    url: str = Field(examples=["http://127.0.0.1:8000"])
    grpc: str | None = None
    metrics: str = Field(examples=["http://127.0.0.1:8000/metrics"])

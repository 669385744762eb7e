"""What ``run`` answers: where each rank ran, and what it wrote."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model
from clusterkit.results.output import NO_TEXT, OutputText
from clusterkit.results.spares import Replaced


class RunRank(Model):
    """One rank that ended well."""

    rank: int
    node: str
    local_rank: int = Field(description="Number among the node's ranks")
    device: int | None = Field(default=None, description="Its GPU on the node; null: the CPU")
    stdout: OutputText = NO_TEXT
    stderr: OutputText = NO_TEXT


class RunResult(Model):
    """A script that every rank ran to its end."""

    cluster: str
    job: str
    script: str = Field(examples=["train.py"])
    launcher: str = Field(examples=["mpirun", "torchrun"])
    ranks: tuple[RunRank, ...]
    took_s: float = Field(description="Seconds")
    attempts: int = Field(default=1, description="How often it was begun, with `--retries`")
    replaced: tuple[Replaced, ...] = Field(
        default=(), description="Nodes that were lost, and the spares that took their places"
    )

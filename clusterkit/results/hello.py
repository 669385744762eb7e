"""What ``mpi-hello`` answers: the rank map, as every rank reported it."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model


class HelloRank(Model):
    """One rank: where it was placed, and where it says it is. Null: it did not report."""

    rank: int
    planned_node: str
    node: str | None = Field(default=None, description="The node that it runs on")
    hostname: str | None = None
    pid: int | None = Field(default=None, description="Process id on its node")
    local_rank: int | None = Field(default=None, description="Number among the node's ranks")
    device: str | None = Field(default=None, description="cpu, or the GPU", examples=["cpu"])
    ok: bool = Field(description="Whether it is where it was placed")
    why: str | None = Field(default=None, description="What is wrong, where it is not ok")


class HelloResult(Model):
    """Whether the machines are one MPI cluster, with every rank in its place."""

    cluster: str
    ok: bool
    mpi_version: str | None = Field(default=None, examples=["5.0.11"])
    ranks: tuple[HelloRank, ...]
    problems: tuple[str, ...] = ()
    took_s: float = Field(description="Seconds")

"""What ``mpi-hello`` answers: the rank map, as every rank reported it."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model


class HelloWay(Model):
    """An end of connections to ranks of other nodes, as the rank's own kernel shows it."""

    interface: str = Field(examples=["eth0"])
    address: str = Field(examples=["192.168.123.11"])


class HelloRank(Model):
    """One rank: where it was placed, and where it says it is. Null: it did not report."""

    rank: int
    planned_node: str
    node: str | None = Field(default=None, description="The node that it runs on")
    hostname: str | None = None
    pid: int | None = Field(default=None, description="Process id on its node")
    local_rank: int | None = Field(default=None, description="Number among the node's ranks")
    device: str | None = Field(default=None, description="cpu, or the GPU", examples=["cpu"])
    ways: tuple[HelloWay, ...] = Field(
        default=(), description="Which way its MPI messages go to other nodes; none: one node only"
    )
    memlock_bytes: int | None = Field(
        default=None, description="How much memory it may lock, as RDMA does; null: no limit"
    )
    ok: bool = Field(description="Whether it is where it was placed, and speaks as planned")
    why: str | None = Field(default=None, description="What is wrong, where it is not ok")


class HelloResult(Model):
    """Whether the machines are one MPI cluster, with every rank in its place."""

    cluster: str
    ok: bool
    mpi_version: str | None = Field(default=None, examples=["5.0.11"])
    ranks: tuple[HelloRank, ...]
    problems: tuple[str, ...] = ()
    took_s: float = Field(description="Seconds")

"""What ``status`` answers: what is true now, looked up."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.facts import MachineFacts
from clusterkit.model.base import Model
from clusterkit.model.cluster import Standing
from clusterkit.results.serve import Via

ModelState = Literal["ready", "absent", "damaged", "unknown"]


class SeenGpu(Model):
    """One GPU, as nvidia-smi names it."""

    index: int
    uuid: str
    name: str
    memory_bytes: int
    memory_used_bytes: int | None = None
    driver_version: str | None = None
    cuda_version: str | None = Field(default=None, description="The newest that the driver runs")
    mig_mode: str | None = Field(default=None, examples=["Enabled"])
    compute_capability: str | None = Field(default=None, examples=["9.0"])


class NodeStatus(Model):
    """One node as it is now. What is null could not be seen."""

    name: str
    address: str | None = None
    state: str = Field(
        description="up, or what is wrong", examples=["up", "stopped", "missing", "unreachable"]
    )
    why: str | None = Field(default=None, description="What was seen, where it is not up")
    slots: int = Field(description="Room for ranks")
    standing: Standing = Field(
        default="member", description="spare: it waits for a place. out: it has none any more"
    )
    stands_for: str | None = Field(default=None, description="The node whose place it has")
    gpus: tuple[SeenGpu, ...] = ()
    cores: int | None = None
    memory_bytes: int | None = None
    memory_available_bytes: int | None = None
    python_version: str | None = None
    mpi_version: str | None = Field(default=None, description="Of Open MPI", examples=["5.0.11"])
    packages: dict[str, str] = Field(
        default_factory=dict, description="The engine's Python packages and their versions"
    )
    problems: tuple[str, ...] = Field(default=(), description="Where it differs from what up made")
    machine: MachineFacts | None = Field(
        default=None, description="All that was seen of its machine; not with `-o text`"
    )


class StorageStatus(Model):
    """Where all nodes see the same files."""

    kind: str
    path: str = Field(description="On the nodes")
    source: str | None = Field(default=None, description="On the host")
    free_bytes: int | None = None
    problem: str | None = None


class ModelStatus(Model):
    """The engine's model on the cluster's storage."""

    name: str
    state: ModelState = Field(
        description="ready: everywhere. unknown: it cannot be told before it was fetched"
    )
    nodes: dict[str, ModelState] | None = Field(
        default=None, description="On each node, where each has a storage of its own"
    )


class ReplicaStatus(Model):
    """One copy of the model behind a router."""

    name: str = Field(examples=["0"])
    job: str
    state: str = Field(description="Of its job", examples=["running", "failed"])
    nodes: tuple[str, ...]
    ready: bool | None = Field(
        default=None, description="Null: the router tells only who has a key"
    )
    why: str | None = Field(default=None, description="Why no request goes to it")
    failed_rank: int | None = Field(default=None, description="The rank that ended it")
    failed_node: str | None = Field(default=None, description="Where that was")


class ServerStatus(Model):
    """A server that runs, or the last one, which failed."""

    job: str
    state: str = Field(description="Of its job", examples=["running", "starting", "failed"])
    node: str | None = Field(default=None, description="Where it listens")
    model: str | None = None
    url: str | None = Field(default=None, examples=["http://127.0.0.1:8000"])
    via: Via | None = Field(default=None, description="proxy: while `clusterkit proxy` runs")
    grpc: str | None = None
    metrics: str | None = Field(
        default=None,
        description="What Prometheus can scrape, reached as the URL is",
        examples=["http://127.0.0.1:8000/metrics"],
    )
    ready: bool = Field(default=False, description="Asked at this moment")
    why: str | None = Field(default=None, description="Why it is not ready")
    failed_rank: int | None = Field(default=None, description="The rank that ended it")
    failed_node: str | None = Field(default=None, description="Where that was")
    running: int | None = Field(default=None, description="Requests that are answered now")
    queued: int | None = Field(default=None, description="Requests that wait")
    replicas: tuple[ReplicaStatus, ...] = Field(
        default=(), description="Of one that has several, each with its own job"
    )


class StatusResult(Model):
    """A cluster as it is now."""

    cluster: str
    provider: str
    nodes: tuple[NodeStatus, ...]
    storage: StorageStatus | None = None
    model: ModelStatus | None = None
    jobs_running: tuple[str, ...] = Field(default=(), description="Ids of jobs that run now")
    job_states: dict[str, str] = Field(
        default_factory=dict, description="Of each of them: starting, running or stopping"
    )
    servers: tuple[ServerStatus, ...] = Field(
        default=(), description="Those that run, or the last one if it failed"
    )
    took_s: float = Field(description="Seconds")

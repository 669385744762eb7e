"""What ``check`` answers: the inventory, resolved."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model


class CheckedNode(Model):
    """One node as the inventory means it."""

    name: str
    host: str | None = Field(
        default=None,
        description="ssh: the machine, as [user@]host[:port]; ~/.ssh/config says the rest",
        examples=["ubuntu@gpu01.example.net"],
    )
    address: str | None = Field(
        description="On the cluster network; null: this machine, or found by the subnet (ssh)"
    )
    slots: int = Field(description="Room for ranks")
    gpus: tuple[int, ...] = Field(default=(), description="GPU indices on the node's host")
    image: str | None = Field(default=None, description="Of its container; null: no container")
    python: str | None = Field(default=None, description="Interpreter; null: it is looked for")
    is_spare: bool = Field(default=False, description="It waits for the place of another")


class EngineSummary(Model):
    """What runs inside a rank."""

    name: str
    model: str
    tp: int = Field(description="Tensor parallel size")
    pp: int = Field(description="Pipeline parallel size")
    dp: int = Field(default=1, description="Data parallel size: replicas")
    dtype: str = "auto"


class CheckResult(Model):
    """An inventory after ranges are expanded and defaults are applied."""

    cluster: str
    provider: str
    subnet: str | None = Field(description="Cluster network in CIDR form; null: this machine only")
    storage: str = Field(description="In words: kind, source and the path on the nodes")
    engine: EngineSummary
    nodes: tuple[CheckedNode, ...] = Field(
        description="The first is the head; spares are the last"
    )
    slots: int = Field(description="Slots of all nodes together, spares apart")
    looked_at: tuple[str, ...] = Field(
        default=(), description="With `--live`: nodes whose machines are as the inventory says"
    )

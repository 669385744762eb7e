"""What ``build`` and ``models`` answer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model


class ModelShape(Model):
    """What the planner knows about a model."""

    layers: int
    heads: int
    kv_heads: int
    hidden_size: int
    vocabulary: int
    context: int = Field(description="Tokens of prompt and completion together")
    parameters: int | None = None


class BuildResult(Model):
    """The model on the cluster's storage, verified."""

    cluster: str
    model: str
    folder: str = Field(description="On the nodes")
    digest: str = Field(description="sha256, in hex")
    changed: bool = Field(description="False: it was there already, and verified")
    copied_to: tuple[str, ...] = Field(
        default=(),
        description="Nodes with a storage of their own that lacked it; now they have it",
    )
    size_bytes: int
    shape: ModelShape | None = None
    log: str | None = Field(
        default=None, description="What an engine's build wrote, a file on the head"
    )
    took_s: float = Field(description="Seconds")


class ListedModel(Model):
    """One model that this machine has or can fetch."""

    name: str
    state: Literal["ready", "absent"]
    path: str | None = Field(default=None, description="In the cache; null: not fetched")
    size_bytes: int | None = None
    source: str = Field(description="Where it comes from")
    licence: str | None = None


class ModelsResult(Model):
    """The models that ``models`` listed, pulled or removed."""

    models: tuple[ListedModel, ...] = ()

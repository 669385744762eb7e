"""What ``engines`` answers: which engine is whole on which node."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from clusterkit.model.base import Model
from clusterkit.results.status import ModelState


class ListedEngine(Model):
    """One engine on the cluster's storage."""

    name: str = Field(description="Of its folder; the end tells what it was built from")
    folder: str = Field(description="On the nodes")
    version: str | None = Field(default=None, description="Of the engine's program")
    family: str | None = Field(default=None, description="Of the model")
    tp: int | None = None
    pp: int | None = None
    gpu: str | None = Field(default=None, description="For which it was built")
    size_bytes: int | None = Field(
        default=None, description="Of all its files; null: no manifest can be read"
    )
    nodes: dict[str, ModelState] = Field(
        description="On each storage that was asked; where it is shared, that is the head's"
    )
    problems: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="By node: what is not as it was written"
    )
    manifest: dict[str, Any] | None = Field(
        default=None, description="What was written when it was built; only of `show`"
    )


class EnginesResult(Model):
    """The engines that were listed, shown or read; after `rm`, those that are left."""

    cluster: str
    engines: tuple[ListedEngine, ...] = ()
    removed: tuple[str, ...] = Field(default=(), description="Nodes from which it was removed")
    pushed: tuple[str, ...] = Field(default=(), description="Nodes to which `push` sent something")
    verified: bool = Field(default=False, description="Every byte was read")
    unreachable: dict[str, str] = Field(
        default_factory=dict, description="Nodes that could not be asked, and why"
    )
    took_s: float = Field(description="Seconds")

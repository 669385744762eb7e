"""What ``fix`` answers: the package of each node, and what was done to its files."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model


class FixedFile(Model):
    """One file that has, or would have, another number of GPUs per node."""

    path: str
    state: Literal["original", "patched", "changed", "nothing to patch"] = Field(
        description="changed: it is neither the original nor what `fix` makes of it"
    )
    lines: tuple[int, ...] = Field(default=(), description="Those that are, or would be, patched")
    gpus_per_node: int | None = Field(default=None, description="What was written there")


class FixedNode(Model):
    """The package on one node."""

    node: str
    package: str | None = Field(default=None, description="Its folder")
    version: str | None = Field(default=None, description="Of TensorRT-LLM")
    files: tuple[FixedFile, ...] = ()
    changed: bool = Field(default=False, description="Something was written just now")
    note: str | None = Field(default=None, description="Why this may not be what is needed")
    error: str | None = Field(default=None, description="Why nothing was done")


class FixResult(Model):
    """The packages of the nodes that were asked."""

    cluster: str
    action: Literal["apply", "status", "revert"]
    nodes: tuple[FixedNode, ...]
    took_s: float = Field(description="Seconds")

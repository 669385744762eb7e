"""What ``ls`` answers: the clusters of this user."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model
from clusterkit.results.spares import Replaced


class ListedCluster(Model):
    """One cluster that this user brought up."""

    name: str
    provider: str
    nodes: int
    head: str
    state: Literal["up", "partly", "down", "unknown"] = Field(
        description="As looked up now, without spares; unknown: its hosts could not be asked"
    )
    where: str = Field(description="Path of the inventory")
    replaced: tuple[Replaced, ...] = Field(
        default=(),
        description="Nodes that could not be brought up, and the spares in their places",
    )
    current: bool = Field(description="Whether verbs mean this cluster when none is named")
    up_since: str | None = Field(default=None, description="ISO 8601, UTC")


class LsResult(Model):
    """All clusters of this user."""

    clusters: tuple[ListedCluster, ...] = ()

"""The options of ``sweep``."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model


class SweepOptions(Model):
    """Find and remove what crashed runs of clusterkit left behind, and only that."""

    nodes: str = Field(
        default="@all",
        min_length=1,
        description="Of the cluster's nodes, these only",
        examples=["node[1-2]"],
    )
    yes: bool = Field(default=False, description="Remove without asking")

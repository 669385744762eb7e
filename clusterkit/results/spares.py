"""What verbs tell of spares that took the places of nodes."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model


class Replaced(Model):
    """A spare that has the place of a node."""

    node: str = Field(description="That was lost, or could not be brought up")
    by: str = Field(description="The spare")
    why: str = Field(description="What was wrong with the node")

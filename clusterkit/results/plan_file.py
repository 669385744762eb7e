"""A plan that was written to a file, to be applied later as it is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model
from clusterkit.results.plan import PlanResult


class PlanFile(Model):
    """What ``plan --out`` writes: what was seen, and what is to be done. No secret is in it."""

    format: Literal[1] = 1
    clusterkit: str = Field(description="The version that planned, and that may apply it")
    made_at: str = Field(description="ISO 8601, UTC")
    inventory: str = Field(description="The inventory's path on the machine that planned")
    inventory_sha256: str = Field(description="Of its content")
    plan: PlanResult

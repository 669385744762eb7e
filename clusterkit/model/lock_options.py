"""The options of ``lock``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model


class LockOptions(Model):
    """Show who holds the cluster's lock, or release it."""

    action: Literal["status", "release"] = Field(
        description="status or release", examples=["status"]
    )
    force: bool = Field(default=False, description="Release it though its holder lives")
    yes: bool = Field(default=False, description="Release it without asking")

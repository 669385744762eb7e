"""What ``init`` answers."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model


class InitResult(Model):
    """The inventory that was written."""

    path: str
    cluster: str
    provider: str
    next: str = Field(description="The command to go on with")

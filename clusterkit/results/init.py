"""What ``init`` answers."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model


class InitResult(Model):
    """The inventory that was written."""

    path: str
    cluster: str
    provider: str
    edit: str | None = Field(default=None, description="What must be corrected in it first")
    next: str = Field(description="The command to go on with")

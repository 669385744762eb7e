"""What ``import`` answers."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model


class ImportResult(Model):
    """An inventory that was made from another program's list of machines."""

    source: str = Field(description="What was read: hostfile, ssh-config, ansible or slurm")
    cluster: str
    nodes: tuple[str, ...] = Field(description="Their names, in order")
    groups: dict[str, tuple[str, ...]] = Field(default={}, description="Members by name")
    notes: tuple[str, ...] = Field(
        default=(), description="What could not be taken over as it is, each with its line"
    )
    path: str | None = Field(default=None, description="Where it was written; null: nowhere")
    inventory: str = Field(description="The text of the inventory")

"""The ``lab:`` section: a cluster in which faults may be made."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from clusterkit.model.base import Model
from clusterkit.model.cluster import Lab
from clusterkit.model.container import size_text


class LabSettings(Model):
    """What limits the disks of a lab, so that filling one fills nothing of its host's."""

    disk: Annotated[str, AfterValidator(size_text)] = Field(
        default="64m",
        description="What the files of jobs may take on each node; it lies in memory",
        examples=["64m"],
    )
    storage: Annotated[str, AfterValidator(size_text)] = Field(
        default="1g",
        description="What the storage may hold; it lies in memory",
        examples=["1g"],
    )

    def resolve(self) -> Lab:
        """The lab as providers see it."""
        return Lab(self.disk, self.storage)

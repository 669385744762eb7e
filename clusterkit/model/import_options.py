"""The options of ``import``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from clusterkit.model.addresses import Subnet
from clusterkit.model.base import Model, Name

Format = Literal["hostfile", "ssh-config", "ansible", "slurm"]
"""What lists of machines can be read."""


class ImportOptions(Model):
    """Make an inventory from a list of machines that another program has."""

    file: Path = Field(description="The list; -: stdin", examples=["hosts.ini"])
    source: Format | None = Field(
        default=None, description="What the list is; default: looked at", examples=["ansible"]
    )
    cluster: Name | None = Field(default=None, description="The cluster's name", examples=["lab"])
    subnet: Subnet | None = Field(
        default=None,
        description="The network that the machines share",
        examples=["10.0.0.0/24"],
    )
    only: str | None = Field(
        default=None, min_length=1, description="Only these nodes", examples=["@gpu"]
    )
    out: Path | None = Field(
        default=None, description="The file to write; default: stdout", examples=["lab.yaml"]
    )
    force: bool = Field(default=False, description="Write over a file that exists")

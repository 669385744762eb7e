"""The options of the verbs that describe clusters: they write and check inventories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from clusterkit.model.addresses import Subnet
from clusterkit.model.base import Model, Name
from clusterkit.model.infer_options import one_or_more
from clusterkit.model.machine import SshSettings


class InitOptions(Model):
    """Write a first inventory."""

    file: Path = Field(
        default=Path("inventory.yaml"), description="The file to write", examples=["pair.yaml"]
    )
    provider: Literal["local", "docker", "ssh"] | None = Field(
        default=None, description="Where nodes come from; default: asks", examples=["docker"]
    )
    cluster: Name | None = Field(default=None, description="The cluster's name", examples=["pair"])
    nodes: int = Field(default=2, ge=1, description="How many nodes (docker)", examples=[2])
    slots: int | None = Field(
        default=None, ge=1, description="Ranks that fit on a node", examples=[2]
    )
    gpus_per_node: int = Field(default=0, ge=0, description="GPUs of a node", examples=[1])
    subnet: Subnet | None = Field(
        default=None,
        description="The cluster network; default: guessed from hosts (ssh)",
        examples=["10.0.0.0/24"],
    )
    model: str = Field(default="smollm2-135m", min_length=1, description="The model")
    hosts: Annotated[tuple[str, ...], BeforeValidator(one_or_more)] = Field(
        default=(), description="The machines (ssh)", examples=[["10.0.0.11"]]
    )
    force: bool = Field(default=False, description="Write over a file that exists")


class DiscoverOptions(SshSettings):
    """Look at machines, and write the inventory that they would have."""

    hosts: Annotated[tuple[str, ...], BeforeValidator(one_or_more)] = Field(
        min_length=1, description="The machines, as ssh takes them", examples=[["gpu[01-04]"]]
    )
    subnet: Subnet | None = Field(
        default=None,
        description="The cluster network; default: the fastest one of all machines",
        examples=["10.0.0.0/24"],
    )
    cluster: Name = Field(default="lab", description="The cluster's name")
    model: str = Field(default="smollm2-135m", min_length=1, description="The model")
    out: Path | None = Field(
        default=None, description="The file to write; default: stdout", examples=["lab.yaml"]
    )
    force: bool = Field(default=False, description="Write over a file that exists")


class CheckOptions(Model):
    """Check an inventory and show the cluster that it means."""

    file: Path = Field(description="The inventory", examples=["inventory.yaml"])
    live: bool = Field(default=False, description="Look at its machines as well")


class SchemaOptions(Model):
    """Print a JSON Schema."""

    name: str | None = Field(
        default=None,
        min_length=1,
        description="What of; default: all names",
        examples=["inventory"],
    )

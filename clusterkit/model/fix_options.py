"""The options of ``fix``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model
from clusterkit.model.container import NodePath


class FixOptions(Model):
    """Patch TensorRT-LLM where it is installed on nodes, for scripts of your own."""

    action: Literal["apply", "status", "revert"] = Field(
        description="apply, status or revert", examples=["apply"]
    )
    path: NodePath | None = Field(
        default=None,
        description="The package's folder on nodes; default: what each Python imports",
        examples=["/usr/local/lib/python3.10/dist-packages/tensorrt_llm"],
    )
    nodes: str = Field(
        default="@all", min_length=1, description="Some nodes only", examples=["gpu[01-02]"]
    )
    gpus_per_node: int | None = Field(
        default=None,
        ge=1,
        description="What is written; default: the GPUs of each node in the inventory",
        examples=[1],
    )

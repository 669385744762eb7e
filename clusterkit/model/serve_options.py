"""The options of ``serve``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.infer_options import PipelineParallel, TensorParallel
from clusterkit.model.job_options import DetachOptions, Timeout


class ServeOptions(DetachOptions):
    """Serve the model over HTTP until it is ended."""

    port: int = Field(default=8000, ge=1, le=65535, description="On the head", examples=[8000])
    host: str | None = Field(
        default=None,
        min_length=1,
        description="Where the head listens; default: at its address on the cluster network",
        examples=["0.0.0.0"],  # noqa: S104
    )
    tp: TensorParallel = None
    pp: PipelineParallel = None
    engine: Literal["triton"] | None = Field(
        default=None,
        description="Serve by Triton what engine tensorrt-llm built",
        examples=["triton"],
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        description="Another model than the inventory's",
        examples=["/models/llama-3-8b"],
    )
    detach: bool = Field(
        default=False, description="Return once it answers; it runs on until `clusterkit stop`"
    )
    force: bool = Field(default=False, description="Serve though the last `doctor --gate` failed")
    timeout_s: Timeout | None = Field(
        default=None, description="End it after this many seconds", examples=[3600]
    )

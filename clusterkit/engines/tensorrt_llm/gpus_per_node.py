"""How each rank learns how many GPUs its node has: TensorRT-LLM believes in 8 everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from packaging.version import Version

from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import Placement


@dataclass(frozen=True, slots=True)
class GpusPerNode:
    """What to do about it. ``why`` says it in one clause, for a dry run and the docs.

    ``at_run``: an import hook (``shim``), an edited config.json (``config``), or ``none``.
    ``build_flag`` is the value of trtllm-build's ``--gpus_per_node``; None: it is not given.
    ``env`` is what ranks need besides.
    """

    at_run: Literal["none", "shim", "config"]
    why: str
    build_flag: int | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])


def gpus_per_node(
    settings: TensorRtLlmSettings, version: Version, placement: Placement
) -> GpusPerNode:
    """Decide it for one version and one layout.

    Raises:
        UsageError: If the inventory asks for a fix that this version does not have.
    """
    raise NotImplementedError

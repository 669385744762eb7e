"""From settings, version and model to the programs that build an engine."""

from __future__ import annotations

from packaging.version import Version

from clusterkit.engines.engine_build import EngineBuild
from clusterkit.facts import ModelFolder, NodeFacts
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import Placement


def engine_build(
    settings: TensorRtLlmSettings,
    version: Version,
    placement: Placement,
    facts: NodeFacts,
    model: ModelFolder | None,
) -> EngineBuild:
    """How the engine is built on the node of ``facts``; ``model`` None: as in a dry run.

    Raises:
        UsageError: If this version cannot build such an engine, with every reason.
    """
    raise NotImplementedError

"""Refuse what would only fail later, with every reason and what would fit."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.version import Version

from clusterkit.engines.engine_build import EngineBuild
from clusterkit.engines.request import GenerateRequest
from clusterkit.facts import ModelFolder, NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.models import ModelShape
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings


def check_build(
    settings: TensorRtLlmSettings,
    version: Version,
    cluster: Cluster,
    facts: Mapping[str, NodeFacts],
    model: ModelFolder,
    build: EngineBuild,
) -> tuple[str, ...]:
    """What to warn of before an engine is built; nodes without facts are not judged by them.

    Raises:
        DoesNotFit: With one line for each problem, and what would fit.
    """
    raise NotImplementedError


def check_run(
    settings: TensorRtLlmSettings,
    version: Version,
    request: GenerateRequest,
    shape: ModelShape,
    cluster: Cluster,
    facts: Mapping[str, NodeFacts],
) -> None:
    """Judge one run of an engine that is there.

    Raises:
        DoesNotFit: With one line for each problem, and what would fit.
    """
    raise NotImplementedError

"""What an engine is: any class with these methods, made from the settings alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from clusterkit import registry
from clusterkit.engines.answers import Told
from clusterkit.engines.engine_build import EngineBuild
from clusterkit.engines.request import GenerateRequest
from clusterkit.facts import ModelFolder, NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.engine import EngineSettings
from clusterkit.model.job import RankProgram
from clusterkit.model.models import ModelShape
from clusterkit.placement import Placement


class Engine(Protocol):
    """Pure: it says what ranks run, and reads what they tell. It starts nothing."""

    def check(
        self,
        request: GenerateRequest,
        shape: ModelShape,
        cluster: Cluster,
        facts: Mapping[str, NodeFacts],
    ) -> None:
        """Raise DoesNotFit with everything that would only fail later."""

    def build(
        self, node: str, facts: NodeFacts, model: ModelFolder | None, placement: Placement
    ) -> EngineBuild | None:
        """How its engine is built on ``node``; None: it needs none, and runs the model itself.

        ``model`` None: nobody has looked, as in a dry run.
        """

    def program(
        self,
        python: str,
        payload_folder: str,
        model_folder: str,
        request: GenerateRequest,
        placement: Placement,
    ) -> RankProgram:
        """What every rank runs to answer ``request``; ``model_folder`` is what was built."""

    def parse(self, rank: int, row: Mapping[str, Any]) -> Told | None:
        """One JSON object that a rank sent; None: it is of no kind that is known here."""

    def explain(self, log: str) -> str | None:
        """Cause and fix of a failure, from the log of the rank that failed first, if known."""


def engine_of(settings: EngineSettings) -> Engine:
    """The engine that the settings name."""
    engine: Engine = registry.find("engines", settings.name)(settings)
    return engine

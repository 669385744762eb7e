"""Triton as an engine: one tritonserver for each rank of an engine; the first of them answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clusterkit.engines.answers import Told, told
from clusterkit.engines.engine_build import EngineBuild
from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.serving import Doors, Listening
from clusterkit.engines.triton.checks import Looked, check_looks
from clusterkit.engines.triton.known_errors import explain
from clusterkit.engines.triton.programs import ask_program, serve_program
from clusterkit.engines.triton.words import ports_of
from clusterkit.errors import UsageError
from clusterkit.facts import ModelFolder, NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.job import RankProgram
from clusterkit.model.models import ModelShape
from clusterkit.model.triton import TritonSettings
from clusterkit.placement import Placement

NOTHING_TO_BUILD = (
    "engine.name: triton serves an engine that is there; nothing is built. Fix: "
    "`clusterkit serve`; or `engine: {name: tensorrt-llm, …}` to build one"
)


@dataclass(frozen=True, slots=True)
class Triton:
    """The engine ``triton``, with its settings."""

    settings: TritonSettings

    def check(
        self,
        request: GenerateRequest,
        shape: ModelShape,
        cluster: Cluster,
        facts: Mapping[str, NodeFacts],
    ) -> None:
        """Nothing: a server that runs says itself what it does not take."""

    def build(
        self, node: str, facts: NodeFacts, model: ModelFolder | None, placement: Placement
    ) -> EngineBuild | None:
        """Nothing is built.

        Raises:
            UsageError: Always.
        """
        raise UsageError(NOTHING_TO_BUILD)

    def program(
        self,
        python: str,
        payload_folder: str,
        model_folder: str,
        request: GenerateRequest,
        placement: Placement,
    ) -> RankProgram:
        """What asks the server, on its own node; ``model_folder`` has what the server told.

        Raises:
            UsageError: If Triton cannot be asked so.
        """
        return ask_program(self.settings, request, python, payload_folder, model_folder)

    def parse(self, rank: int, row: Mapping[str, Any]) -> Told | None:
        """One JSON object that rank ``rank`` sent; None: it is of no kind that is known here."""
        return told(rank, row)

    def explain(self, log: str) -> str | None:
        """Cause and fix of a failure, from the log of the rank that failed first, if known."""
        return explain(log)

    def serves_built(self) -> bool:
        """False: the engine lies on the nodes."""
        return False

    def doors(self) -> Doors:
        """Where its server says that it is ready, and what it counts."""
        ports = self.settings
        return Doors(
            "/v2/health/ready", metrics_port=ports.metrics_port, grpc_port=ports.grpc_port
        )

    def check_serve(
        self, shape: ModelShape | None, cluster: Cluster, facts: Mapping[str, NodeFacts]
    ) -> tuple[str, ...]:
        """Nothing to warn of before the nodes are looked at."""
        return ()

    def look_words(self, listening: Listening) -> tuple[str, ...]:
        """The words of the payload that looks at each node."""
        order = {
            "server": self.settings.server,
            "templates": self.settings.templates,
            "engine": self.settings.model,
            "tokenizer": self.settings.tokenizer_folder,
            "host": "0.0.0.0",  # noqa: S104 - whoever listens at any address is in the way
            "ports": list(ports_of(self.settings, listening).values()),
        }
        return ("triton_look", json.dumps(order))

    def check_looks(
        self, looks: Mapping[str, Mapping[str, Any]], placement: Placement, listening: Listening
    ) -> tuple[str, ...]:
        """What to warn of, from what that payload printed on every node.

        Raises:
            DoesNotFit: With one line for each problem.
        """
        return check_looks(Looked(self.settings, placement, listening, looks))

    def serve(
        self,
        python: str,
        payload_folder: str,
        model_folder: str,
        placement: Placement,
        listening: Listening,
    ) -> RankProgram:
        """What every rank runs: the payload that fills a repository and watches its server.

        Raises:
            DoesNotFit: If words or ports cannot be meant so, or a placeholder would stay empty.
        """
        return serve_program(self.settings, placement, listening, python, payload_folder)

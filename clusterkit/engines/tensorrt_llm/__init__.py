"""TensorRT-LLM as an engine: built once on one node, then run.py under mpirun over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clusterkit.engines.answers import Told, told
from clusterkit.engines.engine_build import EngineBuild
from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.serving import Doors, Listening
from clusterkit.engines.tensorrt_llm.building import engine_build
from clusterkit.engines.tensorrt_llm.gpus_per_node import is_pytorch
from clusterkit.engines.tensorrt_llm.known_errors import explain
from clusterkit.engines.tensorrt_llm.planner import check_run, check_serve
from clusterkit.engines.tensorrt_llm.running import run_program
from clusterkit.engines.tensorrt_llm.serve import doors, serve_program
from clusterkit.engines.tensorrt_llm.versions import parse_version, version_on
from clusterkit.facts import ModelFolder, NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.job import RankProgram
from clusterkit.model.models import ModelShape
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import Placement


@dataclass(frozen=True, slots=True)
class TensorRtLlm:
    """The engine ``tensorrt-llm``, with its settings; ``version`` among them says what runs."""

    settings: TensorRtLlmSettings

    def check(
        self,
        request: GenerateRequest,
        shape: ModelShape,
        cluster: Cluster,
        facts: Mapping[str, NodeFacts],
    ) -> None:
        """Refuse what would only fail later. Nodes without facts are not judged by them.

        Raises:
            DoesNotFit: With one line for each problem, and what would fit.
        """
        version = parse_version(str(self.settings.version))
        check_run(self.settings, version, request, shape, cluster, facts)

    def build(
        self, node: str, facts: NodeFacts, model: ModelFolder | None, placement: Placement
    ) -> EngineBuild | None:
        """How its engine is built on ``node``; ``model`` None: as in a dry run.

        Raises:
            UsageError: If the installed version cannot build such an engine.
        """
        version = version_on(self.settings, node, facts)
        return engine_build(self.settings, version, placement, facts, model)

    def program(
        self,
        python: str,
        payload_folder: str,
        model_folder: str,
        request: GenerateRequest,
        placement: Placement,
    ) -> RankProgram:
        """What every rank runs to answer ``request``."""
        return run_program(
            self.settings,
            parse_version(str(self.settings.version)),
            placement,
            request,
            python=python,
            payload_folder=payload_folder,
            engine_folder=model_folder,
        )

    def parse(self, rank: int, row: Mapping[str, Any]) -> Told | None:
        """One JSON object that rank ``rank`` sent; None: it is of no kind that is known here."""
        return told(rank, row)

    def explain(self, log: str) -> str | None:
        """Cause and fix of a failure, from the log of the rank that failed first, if known."""
        return explain(log)

    def serves_built(self) -> bool:
        """Whether it serves an engine; else PyTorch serves the model itself."""
        return not is_pytorch(self.settings, parse_version(str(self.settings.version)))

    def doors(self) -> Doors:
        """Where its server says that it is ready, and what it counts."""
        return doors(parse_version(str(self.settings.version)))

    def check_serve(
        self, shape: ModelShape | None, cluster: Cluster, facts: Mapping[str, NodeFacts]
    ) -> tuple[str, ...]:
        """What to warn of before it is served.

        Raises:
            DoesNotFit: With one line for each problem.
        """
        version = parse_version(str(self.settings.version))
        return check_serve(self.settings, version, shape, cluster, facts)

    def serve(
        self,
        python: str,
        payload_folder: str,
        model_folder: str,
        placement: Placement,
        listening: Listening,
    ) -> RankProgram:
        """What every rank runs to serve it: the vendor's server behind its launcher."""
        return serve_program(
            self.settings,
            parse_version(str(self.settings.version)),
            placement,
            python=python,
            payload_folder=payload_folder,
            model_folder=model_folder,
            listening=listening,
        )

"""Hugging Face transformers as an engine: the program of its ranks, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from clusterkit.checks.fit import Workload, check_fit
from clusterkit.engines.answers import Told, told
from clusterkit.engines.engine_build import EngineBuild
from clusterkit.engines.rank_input import input_file
from clusterkit.engines.request import GenerateRequest
from clusterkit.facts import ModelFolder, NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.engine import EngineSettings
from clusterkit.model.job import RankProgram
from clusterkit.model.models import ModelShape
from clusterkit.placement import Placement


@dataclass(frozen=True, slots=True)
class Transformers:
    """The engine ``transformers``, with its settings."""

    settings: EngineSettings

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
        job = Workload(
            self.settings.model,
            shape,
            self.settings,
            request.max_tokens,
            request.longest_prompt_bytes,
        )
        check_fit(job, cluster, facts)

    def program(
        self,
        python: str,
        payload_folder: str,
        model_folder: str,
        request: GenerateRequest,
        placement: Placement,
    ) -> RankProgram:
        """What every rank runs to answer ``request``: the same, wherever it is placed."""
        settings = self.settings
        content = {
            "model": model_folder,
            "tp": settings.tp,
            "pp": settings.pp,
            "dtype": settings.dtype,
            "threads": settings.threads_per_rank,
            **asdict(request),
        }
        return RankProgram(
            argv=(python, payload_folder, "generate"),
            files=input_file(content),
        )

    def parse(self, rank: int, row: Mapping[str, Any]) -> Told | None:
        """One JSON object that rank ``rank`` sent; None: it is of no kind that is known here."""
        return told(rank, row)

    def build(
        self, node: str, facts: NodeFacts, model: ModelFolder | None, placement: Placement
    ) -> EngineBuild | None:
        """None: the model is converted by our own payload, and no engine is built."""
        return None

    def explain(self, log: str) -> str | None:
        """None: the ranks explain themselves."""
        return None

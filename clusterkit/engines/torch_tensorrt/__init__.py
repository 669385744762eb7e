"""Torch-TensorRT as an engine: the program of its ranks, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from clusterkit.engines.answers import Told, told
from clusterkit.engines.engine_build import EngineBuild
from clusterkit.engines.rank_input import input_file
from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.torch_tensorrt.checks import check_run
from clusterkit.engines.torch_tensorrt.known_errors import explain
from clusterkit.engines.torch_tensorrt.options import compile_options
from clusterkit.engines.torch_tensorrt.versions import TORCH_TENSORRT
from clusterkit.errors import UsageError
from clusterkit.facts import ModelFolder, NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.job import RankProgram
from clusterkit.model.models import ModelShape
from clusterkit.model.torch_tensorrt import TorchTensorRtSettings
from clusterkit.placement import Placement


@dataclass(frozen=True, slots=True)
class TorchTensorRt:
    """The engine ``torch-tensorrt``, with its settings."""

    settings: TorchTensorRtSettings

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
        check_run(
            self.settings,
            shape,
            cluster,
            facts,
            max_tokens=request.max_tokens,
            prompt_bytes=request.longest_prompt_bytes,
        )

    def program(
        self,
        python: str,
        payload_folder: str,
        model_folder: str,
        request: GenerateRequest,
        placement: Placement,
    ) -> RankProgram:
        """What every rank runs to answer ``request``: the same, wherever it is placed.

        Raises:
            UsageError: If nobody says which version of torch_tensorrt it is for.
        """
        settings = self.settings
        content = {
            "model": model_folder,
            "tp": settings.tp,
            "dp": settings.dp,
            "dtype": settings.dtype,
            "threads": settings.threads_per_rank,
            "backend": settings.backend,
            "options": self._options(),
            "collectives": settings.collectives,
            "plugins_path": settings.plugins_path,
            "batch": settings.batch,
            **asdict(request),
        }
        return RankProgram(
            argv=(python, payload_folder, "compiled"),
            files=input_file(content),
        )

    def _options(self) -> dict[str, Any]:
        settings = self.settings
        if settings.backend != "torch_tensorrt":
            return dict(settings.options)
        if settings.version is None:
            raise UsageError(
                "nobody says which version of torch_tensorrt is meant: no node has it, or none "
                "was asked. Fix: engine.version for --dry-run, or `backend: inductor`"
            )
        return compile_options(settings, TORCH_TENSORRT.parse(settings.version))

    def parse(self, rank: int, row: Mapping[str, Any]) -> Told | None:
        """One JSON object that rank ``rank`` sent; None: it is of no kind that is known here."""
        return told(rank, row)

    def build(
        self, node: str, facts: NodeFacts, model: ModelFolder | None, placement: Placement
    ) -> EngineBuild | None:
        """None: each rank compiles for itself, when it starts."""
        return None

    def explain(self, log: str) -> str | None:
        """Cause and fix of a failure, from the log of the rank that failed first, if known."""
        return explain(log)

"""Hugging Face transformers as an engine: the program of its ranks, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from clusterkit.checks.batch import batch_warning
from clusterkit.checks.fit import REQUIRED_PACKAGES, SERVER_PACKAGES, Workload, check_fit
from clusterkit.engines.answers import Told, told
from clusterkit.engines.engine_build import EngineBuild
from clusterkit.engines.rank_input import input_file
from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.serving import Doors, Listening, ServeLimits
from clusterkit.facts import ModelFolder, NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.engine import EngineSettings
from clusterkit.model.job import RankProgram
from clusterkit.model.models import ModelShape, model_source
from clusterkit.placement import Placement


@dataclass(frozen=True, slots=True)
class Transformers:
    """The engine ``transformers``, with its settings."""

    settings: EngineSettings
    limits: ServeLimits = field(default_factory=ServeLimits)

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
        return RankProgram(
            argv=(python, payload_folder, "generate"),
            files=input_file({**self._loaded(model_folder), **asdict(request)}),
        )

    def limited(self, limits: ServeLimits) -> Transformers:
        """The same engine, for a server with these limits."""
        return replace(self, limits=limits)

    def serves_built(self) -> bool:
        """True: ranks load the model as it was converted and placed."""
        return True

    def doors(self) -> Doors:
        """Where its server says that it is ready, and what it counts."""
        return Doors("/ready")

    def check_serve(
        self, shape: ModelShape | None, cluster: Cluster, facts: Mapping[str, NodeFacts]
    ) -> tuple[str, ...]:
        """Refuse what would only fail later, with the longest text that will be served.

        Warns, once the model is built, where as many of these as are served at once do not fit.

        Raises:
            DoesNotFit: With one line for each problem, and what would fit.
        """
        known = shape
        if known is None:  # it is not built yet; of a built-in model it is known
            builtin = model_source(self.settings.model).builtin
            known = builtin.shape if builtin else None
        if known is None:
            return ()
        longest = self._longest(known)
        packages = (*REQUIRED_PACKAGES, *SERVER_PACKAGES)
        answer = self.limits.max_tokens or 1
        job = Workload(
            self.settings.model, known, self.settings, answer, longest - answer, packages=packages
        )
        check_fit(job, cluster, facts)
        if shape is None:
            return ()
        rows, settings = self.limits.max_batch, self.settings
        warning = batch_warning(shape, settings, cluster, facts, rows=rows, context=longest)
        return (warning,) if warning else ()

    def _longest(self, shape: ModelShape) -> int:
        """Tokens of a prompt and its answer; where one limit is open, they fill the context."""
        prompt, answer = self.limits.max_prompt_tokens, self.limits.max_tokens
        return min(prompt + answer if prompt and answer else shape.max_context, shape.max_context)

    def serve(
        self,
        python: str,
        payload_folder: str,
        model_folder: str,
        placement: Placement,
        listening: Listening,
    ) -> RankProgram:
        """What every rank runs: rank 0 answers over HTTP, and the others follow it."""
        content = {
            **self._loaded(model_folder),
            "name": model_source(self.settings.model).name,
            "compile": self.settings.compile,
            "host": listening.host,
            "port": listening.port,
            **asdict(self.limits),
            "map": [
                {"rank": rank.rank, "node": rank.node, "local_rank": rank.local_rank}
                for rank in placement.ranks
            ],
        }
        return RankProgram(argv=(python, payload_folder, "serve"), files=input_file(content))

    def _loaded(self, model_folder: str) -> dict[str, Any]:
        """What every rank must know to load its part."""
        settings = self.settings
        return {
            "model": model_folder,
            "tp": settings.tp,
            "pp": settings.pp,
            "dtype": settings.dtype,
            "threads": settings.threads_per_rank,
        }

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

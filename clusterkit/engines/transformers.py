"""Hugging Face transformers as an engine: the program of its ranks, and what they answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from clusterkit.checks.fit import Workload, check_fit
from clusterkit.engines.answers import Completion, Done, Peak, RankError, Ready, Token, Told
from clusterkit.engines.request import GenerateRequest
from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.engine import EngineSettings
from clusterkit.model.job import RankProgram
from clusterkit.model.models import ModelShape
from clusterkit.payloads.model_protocol import INPUT_VERSION


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
        longest = max(len(prompt.encode()) for prompt in request.prompts)
        model, tokens = self.settings.model, request.max_tokens
        check_fit(Workload(model, shape, self.settings, tokens, longest), cluster, facts)

    def program(
        self, python: str, payload_folder: str, model_folder: str, request: GenerateRequest
    ) -> RankProgram:
        """What every rank runs to answer ``request``."""
        settings = self.settings
        content = {
            "version": INPUT_VERSION,
            "model": model_folder,
            "tp": settings.tp,
            "pp": settings.pp,
            "dtype": settings.dtype,
            "threads": settings.threads_per_rank,
            **asdict(request),
        }
        return RankProgram(
            argv=(python, payload_folder, "generate"),
            files={"input.json": json.dumps(content, ensure_ascii=False).encode()},
        )

    def parse(self, rank: int, row: Mapping[str, Any]) -> Told | None:
        """One JSON object that rank ``rank`` sent; None: it is of no kind that is known here."""
        match row.get("event"):
            case "ready":
                return Ready(**_known(Ready, row) | {"rank": rank})
            case "token":
                return Token(row["prompt"], row["text"])
            case "answer":
                pairs = tuple((int(token), float(value)) for token, value in row["prompt_logits"])
                ids = tuple(row["token_ids"])
                return Completion(
                    **_known(Completion, row) | {"token_ids": ids, "prompt_logits": pairs}
                )
            case "peak":
                return Peak(rank, row["memory_bytes"])
            case "done":
                return Done(dict(row["versions"]))
            case "error":
                return RankError(rank, row["message"])
        return None


def _known(kind: type[Ready | Completion], row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``row`` that ``kind`` has: a newer payload may tell more."""
    return {name: row[name] for name in kind.__slots__ if name in row}

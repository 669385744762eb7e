"""What an engine that can serve has besides: a program that answers over HTTP until its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.job import RankProgram
from clusterkit.model.models import ModelShape
from clusterkit.placement import Placement


@dataclass(frozen=True, slots=True)
class Listening:
    """Where rank 0 is to listen on its node. ``reached_at`` is that node's address for others."""

    host: str
    port: int
    reached_at: str

    @property
    def url(self) -> str:
        """What to tell people."""
        return f"http://{_in_url(self.reached_at)}:{self.port}"

    @property
    def own_url(self) -> str:
        """Where rank 0 finds it."""
        own = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://{_in_url(own)}:{self.port}"


@runtime_checkable
class ServingEngine(Protocol):
    """Pure, as every engine."""

    def serves_built(self) -> bool:
        """Whether it serves what was built; else it serves the model itself, where it lies."""

    def check_serve(
        self, shape: ModelShape | None, cluster: Cluster, facts: Mapping[str, NodeFacts]
    ) -> tuple[str, ...]:
        """What to warn of; raise UsageError with everything that would only fail later."""

    def serve(
        self,
        python: str,
        payload_folder: str,
        model_folder: str,
        placement: Placement,
        listening: Listening,
    ) -> RankProgram:
        """What every rank runs; ``model_folder`` is what was built, or the model itself.

        Rank 0 tells ``{"event": "serving", "model": …, "answer": …}`` after a real completion.
        """


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host

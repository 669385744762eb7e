"""What an engine that can serve has besides: a program that answers over HTTP until its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.job import RankProgram
from clusterkit.model.models import ModelShape
from clusterkit.placement import Placement


@dataclass(frozen=True, slots=True)
class Listening:
    """Where rank 0 is to listen on its node. ``reached_at`` is that node's address for others.

    ``addresses`` are those of all nodes, by name.
    """

    host: str
    port: int
    reached_at: str
    addresses: Mapping[str, str | None] = field(default_factory=dict[str, str | None])

    @property
    def url(self) -> str:
        """What to tell people."""
        return f"http://{self.address}"

    @property
    def address(self) -> str:
        """The same without a scheme."""
        return f"{_in_url(self.reached_at)}:{self.port}"

    @property
    def own_url(self) -> str:
        """Where rank 0 finds it."""
        return f"http://{self.own_address(self.port)}"

    def own_address(self, port: int) -> str:
        """Where rank 0 finds another port of the same server."""
        own = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"{_in_url(own)}:{port}"


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


@runtime_checkable
class LooksFirst(Protocol):
    """A serving engine that wants every node looked at before anything is started."""

    def look_words(self, listening: Listening) -> tuple[str, ...]:
        """The words of the payload that looks at a node, and prints one JSON object."""

    def check_looks(
        self, looks: Mapping[str, Mapping[str, Any]], placement: Placement, listening: Listening
    ) -> tuple[str, ...]:
        """What to warn of, by what the nodes told; raise DoesNotFit with every problem."""


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host

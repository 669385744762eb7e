"""What an engine that can serve has besides: a program that answers over HTTP until its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Protocol, runtime_checkable

from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.job import RankProgram
from clusterkit.model.models import ModelShape
from clusterkit.placement import Placement


@dataclass(frozen=True, slots=True)
class ServeLimits:
    """Whom a server answers, and how much at once; None: as the model and its memory allow.

    ``max_queue`` requests wait for one of ``max_batch`` places. ``drain_s``: so long may those
    that run go on once the server is asked to end.
    """

    api_keys_sha256: tuple[str, ...] = ()
    max_batch: int = 16
    max_queue: int = 256
    max_prompt_tokens: int | None = None
    max_tokens: int | None = None
    request_timeout_s: float = 600.0
    drain_s: float = 30.0


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

    @property
    def own_host(self) -> str:
        """The address at which its own node finds it."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    @property
    def is_loopback(self) -> bool:
        """Whether only its own node finds it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def own_address(self, port: int) -> str:
        """Where rank 0 finds another port of the same server."""
        return f"{_in_url(self.own_host)}:{port}"


@dataclass(frozen=True, slots=True)
class Doors:
    """What else a server has for whom watches it: on its own port, unless another is named."""

    ready_path: str
    metrics_path: str = "/metrics"
    metrics_port: int | None = None
    grpc_port: int | None = None


@runtime_checkable
class ServingEngine(Protocol):
    """Pure, as every engine."""

    def serves_built(self) -> bool:
        """Whether it serves what was built; else it serves the model itself, where it lies."""

    def doors(self) -> Doors:
        """Where its server says that it is ready, and what it counts."""

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
class TakesLimits(Protocol):
    """A serving engine whose server is ours: it keeps limits, and knows keys."""

    def limited(self, limits: ServeLimits) -> ServingEngine:
        """The same engine with these limits."""


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

"""What Prometheus reads of a server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from clusterkit.payloads.server.work import Generation

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)


class Metrics:
    """Counters of the HTTP side, and a look at the ranks whenever somebody reads them."""

    def __init__(self, ranks: RanksNow) -> None:
        # The time of each counter's birth, which nobody reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "clusterkit_requests",
            "Requests that were answered, by route and status; 499: the client left first.",
            ["route", "status"],
            registry=self.registry,
        )
        self.prompt_tokens = Counter(
            "clusterkit_prompt_tokens",
            "Tokens of the prompts that were taken.",
            registry=self.registry,
        )
        self.completion_tokens = Counter(
            "clusterkit_completion_tokens",
            "Tokens that came for these prompts.",
            registry=self.registry,
        )
        self.first_token_s = Histogram(
            "clusterkit_time_to_first_token_seconds",
            "From a whole request to the first token of an answer, waiting included.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.token_s = Histogram(
            "clusterkit_time_per_token_seconds",
            "From one token of an answer to the next.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(ranks)


class RanksNow(Collector):
    """What the ranks do and hold at the moment of being asked."""

    def __init__(
        self,
        generation: Generation,
        ranks: Callable[[], list[dict[str, Any]]],
        not_ready: Callable[[], str | None],
    ) -> None:
        self._generation = generation
        self._ranks = ranks
        self._not_ready = not_ready

    def collect(self) -> Iterable[Metric]:
        """Look at them."""
        load = self._generation.load()
        yield _gauge("requests_running", "Prompts that are in the batch.", load.running)
        yield _gauge("requests_queued", "Prompts that wait for a place in it.", load.queued)
        yield _gauge("ready", "1 when a request would be answered; else 0.", not self._not_ready())
        memory = GaugeMetricFamily(
            "clusterkit_rank_memory_bytes",
            "Memory that each rank holds on its device.",
            labels=["rank", "node", "device"],
        )
        for rank in self._ranks():
            if rank.get("memory_bytes") is not None:
                labels = [str(rank.get(name)) for name in ("rank", "node", "device")]
                memory.add_metric(labels, rank["memory_bytes"])
        yield memory


def _gauge(name: str, help_text: str, value: int) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"clusterkit_{name}", help_text, value)

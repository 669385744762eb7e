"""What Prometheus reads of a router: each replica's own figures under its name, and the router's.

A sum over ``clusterkit_requests_total`` and the like means the same as with one server, for each
request is counted by the replica that answered. What clients saw is counted beside that, as
``clusterkit_router_requests_total``: a request that was tried twice is one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import httpx2
from prometheus_client import (
    CollectorRegistry,
    Counter,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from clusterkit.payloads.router.replica import Replica

if TYPE_CHECKING:
    from clusterkit.payloads.router.routed import Routed

_WITHIN_S = 2.0
_OF_THE_ROUTER = frozenset({"clusterkit_ready"})


class RouterMetrics:
    """The router's own counters, and a look at the replicas whenever somebody reads them."""

    def __init__(self, routed: Routed) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._routed = routed
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "clusterkit_router_requests",
            "Requests that were answered, by route and status; 499: the client left first.",
            ["route", "status"],
            registry=self.registry,
        )
        self.retries = Counter(
            "clusterkit_router_retries",
            "Requests that one replica could not answer, and another was asked.",
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(_Replicas(routed))

    async def text(self) -> bytes:
        """All of it at this moment; a replica that does not answer is left out."""
        ready = [each for each in self._routed.replicas if each.ready]
        texts = await asyncio.gather(*(_read(each, self._routed.client) for each in ready))
        named = {each.name: text for each, text in zip(ready, texts) if text}  # noqa: B905
        merged = CollectorRegistry(auto_describe=False)
        merged.register(_Fixed(merge(self.registry.collect(), named)))
        return generate_latest(merged)


def merge(own: Iterable[Metric], texts: dict[str, str]) -> list[Metric]:
    """One family for each name; samples of replicas have the label ``replica``."""
    families: dict[str, Metric] = {}
    for family in own:
        families[family.name] = _like(family, family.samples)
    for name, text in texts.items():
        for family in text_string_to_metric_families(text):
            if family.name in _OF_THE_ROUTER:
                continue
            samples = [
                Sample(each.name, {"replica": name, **each.labels}, each.value)
                for each in family.samples
            ]
            families.setdefault(family.name, _like(family, [])).samples += samples
    return list(families.values())


def _like(family: Metric, samples: Iterable[Sample]) -> Metric:
    made = Metric(family.name, family.documentation, family.type)
    made.samples = list(samples)
    return made


async def _read(replica: Replica, client: httpx2.AsyncClient) -> str | None:
    try:
        reply = await client.get(f"http://{replica.address}/metrics", timeout=_WITHIN_S)
        return reply.raise_for_status().text
    except httpx2.HTTPError:
        return None


class _Fixed(Collector):
    """Families that were collected already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


class _Replicas(Collector):
    """Who is ready at the moment of being asked."""

    def __init__(self, routed: Any) -> None:
        self._routed = routed

    def collect(self) -> Iterable[Metric]:
        is_ready = self._routed.not_ready() is None
        yield GaugeMetricFamily(
            "clusterkit_ready", "1 when a request would be answered; else 0.", int(is_ready)
        )
        each_of_them = GaugeMetricFamily(
            "clusterkit_replica_ready",
            "1 when requests go to this replica; else 0.",
            labels=["replica"],
        )
        for replica in self._routed.replicas:
            each_of_them.add_metric([replica.name], int(replica.ready))
        yield each_of_them

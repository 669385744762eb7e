"""What ``bench net`` answers: the network between every two nodes."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model


class Bandwidth(Model):
    """Of messages of one size."""

    size_bytes: int
    bytes_per_s: float = Field(description="Median")


class BenchLink(Model):
    """One direction between two nodes; all values are medians of several messages."""

    source: str = Field(description="The node that sends", examples=["node1"])
    target: str = Field(description="The node that receives", examples=["node2"])
    latency_s: float = Field(description="Of the smallest message: half of its way and back")
    bandwidth_bytes_per_s: float = Field(description="Of the largest messages")
    bandwidths: tuple[Bandwidth, ...] = Field(description="For each size")
    is_slow: bool = Field(description="Whether it has less than half of the median bandwidth")


class BenchNetResult(Model):
    """Latency and bandwidth between every two nodes, in both directions."""

    cluster: str
    nodes: tuple[str, ...]
    links: tuple[BenchLink, ...]
    median_latency_s: float
    median_bandwidth_bytes_per_s: float
    slowest: tuple[str, str] = Field(
        description="Source and target of the link with the least bandwidth"
    )
    pairs_at_once: int = Field(description="How many pairs were measured at the same time")
    took_s: float = Field(description="Seconds")

"""Measure every two nodes once, and tell which links are slower than the others."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

Pair = tuple[int, int]
"""Two ranks, the lower first."""

AT_ONCE_ABOVE = 8
"""With more nodes than this, pairs that share no node are measured at the same time."""
_SLOW = 0.5


class Link(NamedTuple):
    """One direction between two nodes, as medians."""

    source: str
    target: str
    latency_s: float
    bandwidth_bytes_per_s: float


def schedule(count: int) -> list[list[Pair]]:
    """Rounds in which every pair of ``count`` ranks meets once; no rank is twice in a round.

    Up to AT_ONCE_ABOVE ranks a round is one pair: what shares a switch or a machine with others
    is then measured undisturbed. More would take too long in this way.
    """
    rounds = _tournament(count)
    return rounds if count > AT_ONCE_ABOVE else [[pair] for pairs in rounds for pair in pairs]


def slow_links(links: Sequence[Link]) -> list[Link]:
    """Those with less than half of the median bandwidth, the slowest first."""
    limit = _SLOW * median_bandwidth(links)
    found = [link for link in links if link.bandwidth_bytes_per_s < limit]
    return sorted(found, key=lambda link: link.bandwidth_bytes_per_s)


def slowest(links: Sequence[Link]) -> Link:
    """The link with the least bandwidth."""
    return min(links, key=lambda link: link.bandwidth_bytes_per_s)


def median_bandwidth(links: Sequence[Link]) -> float:
    """In bytes per second."""
    return median(link.bandwidth_bytes_per_s for link in links)


def median_latency(links: Sequence[Link]) -> float:
    """In seconds."""
    return median(link.latency_s for link in links)


def _tournament(count: int) -> list[list[Pair]]:
    """The first stays, all others move on by one seat from round to round."""
    seats = list(range(count)) + [-1] * (count % 2)  # whoever meets -1 rests
    half = len(seats) // 2
    rounds = []
    for _ in range(len(seats) - 1):
        met = zip(seats[:half], reversed(seats[half:]), strict=True)
        rounds.append(sorted((min(pair), max(pair)) for pair in met if -1 not in pair))
        seats[1:] = [seats[-1], *seats[1:-1]]
    return rounds

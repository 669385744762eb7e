"""Every two nodes meet once, and the slow links are found."""

from __future__ import annotations

from itertools import combinations

import pytest

from clusterkit.checks.pairs import Link, schedule, slow_links, slowest


@pytest.mark.parametrize("count", [2, 3, 8, 9, 16, 33])
def test_every_pair_meets_once_and_nobody_is_twice_in_a_round(count: int) -> None:
    rounds = schedule(count)

    pairs = [pair for pairs in rounds for pair in pairs]
    assert sorted(pairs) == list(combinations(range(count), 2))
    for met in rounds:
        ranks = [rank for pair in met for rank in pair]
        assert len(ranks) == len(set(ranks))


@pytest.mark.parametrize(
    ("count", "rounds", "at_once"), [(2, 1, 1), (8, 28, 1), (9, 9, 4), (10, 9, 5), (100, 99, 50)]
)
def test_few_nodes_meet_alone_and_many_in_few_rounds(
    count: int, rounds: int, at_once: int
) -> None:
    planned = schedule(count)

    assert (len(planned), {len(pairs) for pairs in planned}) == (rounds, {at_once})


def test_links_below_half_of_the_median_are_slow() -> None:
    rates = {"ab": 100.0, "ba": 90.0, "ac": 40.0, "ca": 80.0, "bc": 39.0, "cb": 81.0}
    links = [Link(name[0], name[1], 1e-5, rate) for name, rate in rates.items()]

    slow = slow_links(links)

    assert [(link.source, link.target) for link in slow] == [("b", "c"), ("a", "c")]
    assert slowest(links) == Link("b", "c", 1e-5, 39.0)


def test_equal_links_are_not_slow() -> None:
    assert slow_links([Link("a", "b", 1e-5, 5.0), Link("b", "a", 1e-5, 5.0)]) == []

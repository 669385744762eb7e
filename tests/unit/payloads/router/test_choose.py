from __future__ import annotations

import asyncio

import pytest

from clusterkit.payloads.router.replica import AllFull, NoneReady, Replica, choose


def replicas(*loads: int | None) -> list[Replica]:
    """Ready ones with so much to do; None: one that is out."""
    made = []
    for number, load in enumerate(loads):
        replica = Replica(str(number), "127.0.0.1", f"serve-abc123-r{number}")
        replica.ready, replica.beside = load is not None, load or 0
        made.append(replica)
    return made


def test_the_one_with_the_least_to_do_is_chosen() -> None:
    assert choose(replicas(3, 1, 2), most=4).name == "1"
    assert choose(replicas(3, None, 2), most=4).name == "2"
    assert choose(replicas(3, 1, 2), most=4, but_not={"1"}).name == "2"


def test_of_equals_each_has_its_turn() -> None:
    some = replicas(0, 0, 0)

    assert [choose(some, most=4).name for _ in range(6)] == ["0", "1", "2", "0", "1", "2"]


def test_none_is_chosen_that_is_full_or_out() -> None:
    with pytest.raises(AllFull):
        choose(replicas(4, None, 4), most=4)
    with pytest.raises(NoneReady):
        choose(replicas(None, None), most=4)
    with pytest.raises(NoneReady):
        choose(replicas(0), most=4, but_not={"0"})


def test_what_it_has_besides_our_requests_counts_until_the_next_look() -> None:
    async def loads() -> list[int]:
        (replica,) = replicas(0)
        with replica.answering():
            told = {"tokens": 3, "running": 2, "queued": 1}
            replica.hear(told)
            seen = [replica.load]
        return [*seen, replica.load]

    assert asyncio.run(loads()) == [3, 2]


def test_tokens_of_former_attempts_count() -> None:
    async def tokens() -> int:
        (replica,) = replicas(0)
        for count in (5, 9, 2):
            replica.hear({"tokens": count, "running": 0, "queued": 0})
        return replica.tokens

    assert asyncio.run(tokens()) == 11

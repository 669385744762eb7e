"""Rank 0 alone, with a decoder that counts: the token after n is n + 1."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch

from clusterkit.payloads.server.lead import Lead
from clusterkit.payloads.server.orders import Orders
from clusterkit.payloads.server.work import Load, NewToken, QueueFull, RanksFailed, Work

WITHIN_S = 5
STOP = 50


class Counting:
    """Waits for ``may_go`` before each decode."""

    slots, capacity = 2, 100

    def __init__(self) -> None:
        self.may_go = threading.Semaphore(0)
        self.freed: list[int] = []

    def prefill(self, slot: int, ids: Sequence[int]) -> Any:  # noqa: ARG002
        return self._after(ids[-1])

    def decode(self, slots: Sequence[int], tokens: Sequence[int]) -> Any:  # noqa: ARG002
        assert self.may_go.acquire(timeout=WITHIN_S)
        if 13 in tokens:
            raise ValueError("13")
        return torch.stack([self._after(token) for token in tokens])

    def free(self, slot: int) -> None:
        self.freed.append(slot)

    def _after(self, token: int) -> Any:
        return torch.nn.functional.one_hot(torch.tensor(token + 1), 60).float()


@pytest.fixture
def decoder() -> Counting:
    return Counting()


@pytest.fixture
def broken() -> queue.Queue[str]:
    return queue.Queue()


@pytest.fixture
def lead(decoder: Counting, broken: queue.Queue[str]) -> Iterator[Lead]:
    made = Lead(decoder, Orders(), stop_ids=[STOP], max_queue=1, on_broken=broken.put)
    yield made
    decoder.may_go.release(1000)
    made.stop()


def ask(lead: Lead, first: int, name: str = "a", max_tokens: int = 3) -> Callable[[], Any]:
    heard: queue.Queue[Any] = queue.Queue()
    lead.submit(Work(name, (first,), max_tokens), heard.put)
    return lambda: heard.get(timeout=WITHIN_S)


def test_an_answer(lead: Lead, decoder: Counting) -> None:
    decoder.may_go.release(2)

    heard = ask(lead, 20)

    assert [heard() for _ in range(3)] == [
        NewToken(21),
        NewToken(22),
        NewToken(23, finish="length"),
    ]


def test_an_answer_that_stops(lead: Lead, decoder: Counting) -> None:
    decoder.may_go.release(1)

    heard = ask(lead, STOP - 2)

    assert (heard(), heard()) == (NewToken(STOP - 1), NewToken(STOP, finish="stop"))
    assert lead.load() == Load(0, 0, 2, 2)


def test_two_have_rows_and_one_waits(lead: Lead, decoder: Counting) -> None:
    one, two = ask(lead, 14, "one", 50), ask(lead, 20, "two", 50)
    decoder.may_go.release(2)
    assert (one(), two()) == (NewToken(15), NewToken(21))
    three = ask(lead, 30, "three")

    with pytest.raises(QueueFull, match="1 requests wait"):
        ask(lead, 40, "four")

    load = lead.load()
    assert (load.running, load.queued, load.slots) == (2, 1, 2)
    lead.cancel("one")
    decoder.may_go.release(2)
    assert three() == NewToken(31)
    assert decoder.freed == [0]


def test_who_went_away_hears_no_more(lead: Lead, decoder: Counting) -> None:
    heard = ask(lead, 1, max_tokens=50)
    heard()

    lead.cancel("a")
    decoder.may_go.release(100)
    other = ask(lead, 20, "b")

    assert [other() for _ in range(3)][-1] == NewToken(23, finish="length")
    assert lead.load() == Load(0, 0, 2, 4)


def test_who_cannot_hear_does_not_stop_the_others(lead: Lead, decoder: Counting) -> None:
    def deaf(_: object) -> None:
        raise RuntimeError("Event loop is closed")

    lead.submit(Work("deaf", (1,), 50), deaf)
    decoder.may_go.release(100)
    heard = ask(lead, 20)

    assert [heard() for _ in range(3)][-1] == NewToken(23, finish="length")
    assert lead.failure() is None


def test_a_step_that_fails_is_told_once(
    lead: Lead, decoder: Counting, broken: queue.Queue[str]
) -> None:
    decoder.may_go.release(1)

    ask(lead, 12)

    assert broken.get(timeout=WITHIN_S) == "ValueError: 13"
    assert lead.failure() is None  # who was told knows more, and says so:


def test_a_failure_is_heard_while_a_step_hangs(lead: Lead) -> None:
    heard = ask(lead, 1)
    heard()

    lead.fail("rank 1 on node2 is gone")

    assert str(heard()) == "rank 1 on node2 is gone"
    assert lead.failure() == "rank 1 on node2 is gone"
    with pytest.raises(RanksFailed, match="rank 1 on node2 is gone"):
        ask(lead, 2)
    assert lead.load().running == 0


def test_stop_ends_what_runs(lead: Lead, decoder: Counting) -> None:
    heard = ask(lead, 1)
    heard()
    decoder.may_go.release(1)

    lead.stop()

    told = heard()
    while not isinstance(told, RanksFailed):
        told = heard()
    assert str(told) == "the server has stopped"
    assert lead.failure() is None
    with pytest.raises(RanksFailed, match="the server stops"):
        ask(lead, 1)


@pytest.mark.parametrize("length", [0, 100])
def test_a_prompt_that_cannot_fit_is_refused(lead: Lead, length: int) -> None:
    with pytest.raises(ValueError, match=f"a: {length} of 100 tokens"):
        lead.submit(Work("a", (1,) * length, 1), lambda _: None)

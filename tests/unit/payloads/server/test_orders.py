from __future__ import annotations

import pytest

from clusterkit.payloads.server.orders import END, REPORT, STEP, Order

EVERYTHING = Order(REPORT, (3, 0), ((0, (5, 6, 7)), (3, (8,))), ((1, 40), (2, 41)))


@pytest.mark.parametrize(
    "order",
    [Order(), Order(END), EVERYTHING, Order(STEP, prefill=((0, tuple(range(500))),))],
)
def test_an_order_arrives_as_it_was(order: Order) -> None:
    assert Order.of(order.numbers()) == order


def test_an_order_says_how_long_it_is() -> None:
    assert EVERYTHING.numbers() == [19, 1, 2, 2, 2, 3, 0, 0, 3, 5, 6, 7, 3, 1, 8, 1, 40, 2, 41]


def test_what_follows_an_order_in_its_frame_counts_nothing() -> None:
    assert Order.of([*EVERYTHING.numbers(), 0, 0, 0]) == EVERYTHING

"""What every rank does with an order, and how ranks other than 0 come by them."""

from __future__ import annotations

from typing import Any, Callable  # noqa: UP035 - Python 3.8

from clusterkit.payloads.server.decoder import Decoder
from clusterkit.payloads.server.orders import END, REPORT, Order, Orders


def follow(decoder: Decoder, orders: Orders, *, report: Callable[[], None]) -> None:
    """Do what rank 0 says until it says that this is the end."""
    while True:
        order = orders.hear()
        if order.kind == END:
            return
        carry_out(decoder, order)
        if order.kind == REPORT:
            report()


def carry_out(decoder: Decoder, order: Order) -> tuple[list[Any], Any]:
    """The logits after each prompt, and those of the rows that go on (None: there are none)."""
    for slot in order.free:
        decoder.free(slot)
    prompts = [decoder.prefill(slot, ids) for slot, ids in order.prefill]
    if not order.decode:
        return prompts, None
    slots, tokens = zip(*order.decode)  # noqa: B905 - Python 3.8
    return prompts, decoder.decode(slots, tokens)

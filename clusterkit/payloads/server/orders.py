"""What rank 0 tells the other ranks before each step: one small broadcast of numbers."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, Sequence, Tuple  # noqa: UP035 - Python 3.8

STEP, REPORT, END = 0, 1, 2
_HEAD = 5
_FRAME = 128
_WITHIN = datetime.timedelta(minutes=10)
"""A rank that hears nothing for so long gives up; rank 0 has something to say far more often."""


@dataclass(frozen=True)
class Order:
    """One step: rows to forget, then prompts (or parts of them) to add, then rows to go on.

    ``kind``: STEP; REPORT: the same, and tell rank 0 about this rank; END: leave.
    """

    kind: int = STEP
    free: Tuple[int, ...] = ()  # noqa: UP006 - Python 3.8
    prefill: Tuple[Tuple[int, Tuple[int, ...]], ...] = ()  # noqa: UP006 - Python 3.8
    """Slots, and the token ids that they get."""
    decode: Tuple[Tuple[int, int], ...] = ()  # noqa: UP006 - Python 3.8
    """Slots, and the token that each appends."""

    def numbers(self) -> list[int]:
        """All of it, after how many numbers these are."""
        body = [self.kind, len(self.free), len(self.prefill), len(self.decode), *self.free]
        for slot, ids in self.prefill:
            body += [slot, len(ids), *ids]
        for pair in self.decode:
            body += pair
        return [len(body) + 1, *body]

    @classmethod
    def of(cls, numbers: Sequence[int]) -> Order:
        """The same from its numbers."""
        kind, free, prefill, decode = numbers[1:_HEAD]
        at = _HEAD + free
        prompts = []
        for _ in range(prefill):
            slot, count = numbers[at : at + 2]
            prompts.append((slot, tuple(numbers[at + 2 : at + 2 + count])))
            at += 2 + count
        pairs = [(numbers[at + 2 * i], numbers[at + 2 * i + 1]) for i in range(decode)]
        return cls(kind, tuple(numbers[_HEAD : _HEAD + free]), tuple(prompts), tuple(pairs))


class Orders:
    """The way of orders from rank 0 to all others, beside that of the model's numbers.

    Over the CPU: a GPU that waited for orders would spin.
    """

    def __init__(self) -> None:
        import torch

        self._torch: Any = torch
        self._group = None
        if torch.distributed.is_initialized():
            self._group = torch.distributed.new_group(backend="gloo", timeout=_WITHIN)

    def tell(self, order: Order) -> None:
        """Rank 0: to all others."""
        if self._group is None:
            return
        numbers = order.numbers()
        whole = self._torch.tensor(numbers + [0] * (_FRAME - len(numbers)))
        self._broadcast(whole[:_FRAME])
        if len(numbers) > _FRAME:
            self._broadcast(whole[_FRAME:])

    def hear(self) -> Order:
        """Another rank: the next one."""
        numbers = self._broadcast(self._torch.zeros(_FRAME, dtype=self._torch.int64)).tolist()
        rest = numbers[0] - _FRAME
        if rest > 0:
            more = self._torch.zeros(rest, dtype=self._torch.int64)
            numbers += self._broadcast(more).tolist()
        return Order.of(numbers)

    def share(self, told: Any) -> Any:
        """Once, before any order: what rank 0 has to say."""
        if self._group is None:
            return told
        # Ranks come here when they are ready to, hours apart where one reads a slow disk; this
        # one waits as long as the model's own group does.
        self._torch.distributed.barrier()
        holder = [told]
        self._torch.distributed.broadcast_object_list(holder, src=0, group=self._group)
        return holder[0]

    def _broadcast(self, numbers: Any) -> Any:
        self._torch.distributed.broadcast(numbers, src=0, group=self._group)
        return numbers

"""Which requests have a row of the model's memory, and what the next step does with each."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from random import Random
from typing import Collection, Deque, Iterator  # noqa: UP035 - Python 3.8

from clusterkit.payloads.server.orders import STEP, Order
from clusterkit.payloads.server.work import Heard, NewToken, Work

PROMPT_TOKENS = 512
"""The most prompt tokens of one step."""
PROMPT_TOKENS_BESIDE = 128
"""The same while others wait for their next token: a long prompt must not stop them for long."""


class Row:
    """One request: how much of its prompt the model has, and what was drawn."""

    def __init__(self, work: Work, heard: Heard) -> None:
        self.work, self.heard = work, heard
        self.random = Random(work.seed)  # noqa: S311 - it must be the same each time
        self.slot = -1
        self.given = 0
        self.drawn = 0
        self.latest: int | None = None

    def take(self, new: NewToken, *, stop_ids: Collection[int], context: int) -> NewToken:
        """Go on with this token; the same with why it is the last, where it is."""
        self.latest, self.drawn = new.token, self.drawn + 1
        if new.token in stop_ids and not self.work.ignore_eos:
            return replace(new, finish="stop")
        is_full = len(self.work.prompt) + self.drawn >= context
        if self.drawn >= self.work.max_tokens or is_full:
            return replace(new, finish="length")
        return new


@dataclass(frozen=True)
class Step:
    """An order, and whose the logits are that come of it."""

    order: Order
    of_prompts: tuple[Row | None, ...] = ()
    """For each prompt of the order its row; None: more of it follows."""
    of_decode: tuple[Row, ...] = ()


@dataclass
class Batch:
    """Requests in the order in which they came: the first of them get the rows."""

    slots: int
    _waiting: Deque[Row] = field(default_factory=deque)  # noqa: UP006 - Python 3.8
    _running: list[Row] = field(default_factory=list)
    _left: list[int] = field(default_factory=list)
    """Slots of those who left since the last step."""

    @property
    def waiting(self) -> int:
        """How many have no row yet."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many have one."""
        return len(self._running)

    @property
    def free(self) -> int:
        """How many rows nobody has; those who wait get them with the next step."""
        return self.slots - len(self._running)

    def add(self, row: Row) -> None:
        """One more."""
        self._waiting.append(row)

    def has(self, row: Row) -> bool:
        """Whether somebody still waits for its tokens."""
        return row in self._running

    def drop(self, work_id: str) -> None:
        """Forget a request; unknown ones are fine."""
        self._waiting = deque(row for row in self._waiting if row.work.id != work_id)
        for row in [row for row in self._running if row.work.id == work_id]:
            self._running.remove(row)
            self._left.append(row.slot)

    def drop_all(self) -> list[Row]:
        """Forget all, and tell which they were."""
        rows = [*self._running, *self._waiting]
        self._left += [row.slot for row in self._running]
        self._running.clear()
        self._waiting.clear()
        return rows

    def step(self, kind: int = STEP) -> Step:
        """What to do next; rows have then been given what the order gives them."""
        left, self._left = tuple(self._left), []
        going = [row for row in self._running if row.latest is not None]
        self._let_in()
        pieces = list(self._pieces(PROMPT_TOKENS_BESIDE if going else PROMPT_TOKENS))
        return Step(
            Order(
                kind,
                left,
                tuple((row.slot, ids) for row, ids in pieces),
                tuple((row.slot, row.latest) for row in going if row.latest is not None),
            ),
            tuple(row if row.given == len(row.work.prompt) else None for row, _ in pieces),
            tuple(going),
        )

    def _let_in(self) -> None:
        """The lowest free rows first: the model reads those that lie together fastest."""
        taken = {row.slot for row in self._running}
        free = [slot for slot in range(self.slots) if slot not in taken]
        for slot in free[: len(self._waiting)]:
            row = self._waiting.popleft()
            row.slot = slot
            self._running.append(row)

    def _pieces(self, most: int) -> Iterator[tuple[Row, tuple[int, ...]]]:
        for row in self._running:
            if row.given < len(row.work.prompt) and most > 0:
                ids = row.work.prompt[row.given : row.given + most]
                row.given += len(ids)
                most -= len(ids)
                yield row, ids

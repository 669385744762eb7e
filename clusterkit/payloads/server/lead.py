"""Rank 0: take requests, lead all ranks through one step after the other, hand out tokens.

One thread leads. Each step is one order to all ranks: rows of those who ended are forgotten, those
who wait get the free rows, and every row that has its whole prompt appends its latest token. The
next tokens are drawn here alone (draw.py says why).
"""

from __future__ import annotations

import threading
import time
import traceback
from typing import Any, Callable  # noqa: UP035 - Python 3.8

from clusterkit.payloads.server.batch import Batch, Row, Step
from clusterkit.payloads.server.decoder import Decoder
from clusterkit.payloads.server.draw import Draw, draw
from clusterkit.payloads.server.follow import carry_out
from clusterkit.payloads.server.orders import END, REPORT, STEP, Order, Orders
from clusterkit.payloads.server.work import (
    Heard,
    Load,
    NewToken,
    QueueFull,
    RanksFailed,
    Work,
)

REPORT_EVERY_S = 5.0
"""Idle ranks hear this often from rank 0: no wait for orders is long enough to be given up."""
_STOP_WITHIN_S = 10.0


class Lead:
    """All ranks, as rank 0's HTTP side sees them: a Generation.

    ``on_broken`` is called once, with what this rank saw, when its own step failed; the caller
    knows more about the other ranks, and answers with ``fail``.
    """

    def __init__(
        self,
        decoder: Decoder,
        orders: Orders,
        *,
        stop_ids: list[int],
        max_queue: int,
        on_broken: Callable[[str], None],
    ) -> None:
        self.context = decoder.capacity
        self._decoder, self._orders, self._on_broken = decoder, orders, on_broken
        self._stop_ids, self._max_queue = frozenset(stop_ids), max_queue
        self._batch = Batch(decoder.slots)
        self._change = threading.Condition()
        self._failure: str | None = None
        self._is_stopping = False
        self._tokens = 0
        self._reported = time.monotonic()
        self._thread = threading.Thread(target=self._lead, daemon=True, name="lead")
        self._thread.start()

    def submit(self, work: Work, heard: Heard) -> None:
        """Queue one request; raise QueueFull or RanksFailed."""
        if not work.prompt or len(work.prompt) >= self.context:
            raise ValueError(f"{work.id}: {len(work.prompt)} of {self.context} tokens")
        with self._change:
            if self._failure or self._is_stopping:
                raise RanksFailed(self._failure or "the server stops")
            if self._batch.waiting >= self._max_queue + self._batch.free:
                raise QueueFull(f"{self._batch.waiting} requests wait")
            self._batch.add(Row(work, heard))
            self._change.notify()

    def cancel(self, work_id: str) -> None:
        """Free its place before the next step."""
        with self._change:
            self._batch.drop(work_id)
            self._change.notify()

    def load(self) -> Load:
        """How much is going on."""
        with self._change:
            running, waiting = self._batch.running, self._batch.waiting
            return Load(running, waiting, self._decoder.slots, self._tokens)

    def failure(self) -> str | None:
        """Why nothing can be answered any more; None: all ranks work."""
        return self._failure

    def fail(self, why: str) -> None:
        """Everybody who waits hears it, at once: the thread that leads may hang with the ranks."""
        self._end_all(why, is_failure=True)

    def stop(self) -> None:
        """Let every rank leave; requests that still run hear RanksFailed."""
        self._end_all("the server has stopped", is_failure=False)
        if not self._failure:  # else it may hang with the ranks, and what failed must be told
            self._thread.join(_STOP_WITHIN_S)

    def _end_all(self, why: str, *, is_failure: bool) -> None:
        with self._change:
            if self._failure:
                return
            if is_failure:
                self._failure = why
            self._is_stopping = True
            rows = self._batch.drop_all()
            self._change.notify()
        for row in rows:
            row.heard(RanksFailed(why))

    def _lead(self) -> None:
        try:
            while True:
                step = self._next()
                self._orders.tell(step.order)
                if step.order.kind == END:
                    return
                self._hand_out(step, *carry_out(self._decoder, step.order))
        except Exception as error:
            if not self._failure:
                traceback.print_exc()  # for the log of this rank
                self._on_broken(f"{type(error).__name__}: {error}")

    def _next(self) -> Step:
        """Wait for something to do."""
        with self._change:
            while not self._is_stopping:
                step = self._batch.step(self._kind())
                if step.order != Order():
                    return step
                self._change.wait(REPORT_EVERY_S)
            if self._failure:
                raise RanksFailed(self._failure)
            return Step(Order(END))

    def _kind(self) -> int:
        if time.monotonic() - self._reported < REPORT_EVERY_S:
            return STEP
        self._reported = time.monotonic()
        return REPORT

    def _hand_out(self, step: Step, prompts: list[Any], decoded: Any) -> None:
        """Draw the next token of each row that has one coming, and tell who waits for it."""
        import torch

        rows, logits = [], []
        for row, each in zip(step.of_prompts, prompts):  # noqa: B905 - Python 3.8
            if row is not None:
                rows.append(row)
                logits.append(each[None])
        if decoded is not None:
            rows += step.of_decode
            logits.append(decoded)
        if rows:
            draws = [Draw(row.work, row.random) for row in rows]
            for row, new in zip(rows, draw(torch.cat(logits), draws)):  # noqa: B905 - Python 3.8
                self._tell(row, new)

    def _tell(self, row: Row, new: NewToken) -> None:
        with self._change:
            if not self._batch.has(row):
                return  # nobody waits any more
            new = row.take(new, stop_ids=self._stop_ids, context=self.context)
            self._tokens += 1
            if new.finish:
                self._batch.drop(row.work.id)
        try:
            row.heard(new)
        except Exception:
            # Whose loop is closed waits no more; the other requests go on.
            self.cancel(row.work.id)

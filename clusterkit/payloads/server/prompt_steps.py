"""The forward of a prompt, or of its next part: as it is, and recorded in CUDA graphs."""

from __future__ import annotations

from typing import Any, Sequence  # noqa: UP035 - Python 3.8

import torch

from clusterkit.payloads.server.row_attention import plain_mask
from clusterkit.payloads.server.row_cache import Place
from clusterkit.payloads.server.row_table import smallest

LENGTHS = (32, 128, 256, 512)
"""Longer parts keep a GPU busy without a graph."""
_SEEN_MOST = 8192
"""A recorded part looks at its whole row, which takes too long in longer rows."""


class PromptSteps:
    """Puts a prompt into a row, part by part, and says what comes after it."""

    def __init__(self, model: Any, cache: Any, place: Place) -> None:
        self._model, self._cache, self._place = model, cache, place
        self._capacity: int = cache.layers[0].max_cache_len
        self._graphs: dict[tuple[int, bool], tuple[Any, torch.Tensor]] = {}
        self._pool: Any = None
        device = model.device
        self._row = torch.zeros(1, dtype=torch.long, device=device)
        self._last = torch.zeros(1, dtype=torch.long, device=device)
        self._ids = torch.zeros((1, LENGTHS[-1]), dtype=torch.long, device=device)
        self._start = torch.zeros(1, dtype=torch.long, device=device)

    def parts(self) -> list[tuple[int, bool]]:
        """What can be recorded: so many tokens, and whether others are in their row already."""
        lengths = [length for length in LENGTHS if length <= self._capacity]
        later = lengths if self._capacity <= _SEEN_MOST else []
        return [*((length, False) for length in lengths), *((length, True) for length in later)]

    def run(self, row: int, start: int, ids: Sequence[int]) -> torch.Tensor:
        """The logits [vocabulary] of the token after these, which are the row's from ``start``."""
        self._row.fill_(row)
        self._last.fill_(len(ids) - 1)
        self._start.fill_(start)
        is_later = start > 0
        recorded = tuple(sorted(length for length, later in self._graphs if later == is_later))
        length = smallest(recorded, len(ids))
        given = torch.tensor([list(ids)])
        if length is None or start + length > self._capacity:
            seen = start + len(ids)
            return self._forward(given.to(self._model.device), is_later=is_later, seen=seen)
        # What fills up the length comes after the tokens, which do not look at it.
        self._ids[:, : len(ids)].copy_(given)
        graph, logits = self._graphs[length, is_later]
        graph.replay()
        return logits.clone()

    def warm(self, length: int, *, is_later: bool) -> None:
        """Record the forward of parts up to this length."""
        ids = self._ids[:, :length]
        for each in (self._row, self._last, self._start):
            each.zero_()
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            self._forward(ids, is_later=is_later, seen=self._capacity)
        torch.cuda.current_stream().wait_stream(beside)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            logits = self._forward(ids, is_later=is_later, seen=self._capacity)
        self._pool = graph.pool()
        self._graphs[length, is_later] = (graph, logits)

    def release(self) -> None:
        """Forget what was recorded."""
        self._graphs.clear()

    def _forward(self, ids: torch.Tensor, *, is_later: bool, seen: int) -> torch.Tensor:
        positions = torch.arange(ids.shape[1], device=ids.device)
        mask = None
        self._place.row, self._place.positions = self._row, None
        if is_later:
            positions = positions + self._start
            mask = plain_mask(positions, seen).transpose(0, 2)
            self._place.positions, self._place.seen = positions, seen
        with torch.no_grad():
            output = self._model(
                input_ids=ids,
                position_ids=positions[None],
                attention_mask=mask,
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=self._last,
            )
        return output.logits[0, -1].float()

"""Keys and values of many rows, in transformers' own cache interface: each row at its own length.

Imported where torch is wanted anyway: it is slow to import.
"""

from __future__ import annotations

from typing import Any, Sequence  # noqa: UP035 - Python 3.8

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

_FIRST_TOKENS = 256


class Forward:
    """Which rows the forward at hand is of, and where their new tokens go."""

    def __init__(self, rows: Sequence[int], starts: Sequence[int], new: int, device: Any) -> None:
        self.first = rows[0]
        self.is_one = len(rows) == 1
        self.start = starts[0]
        self.rows_needed = max(rows) + 1
        self.tokens_needed = max(starts) + new
        if self.is_one:
            return
        # The lowest rows are read where they are; others are copied together first.
        self.is_lowest = list(rows) == list(range(len(rows)))
        self.count = len(rows)
        self.rows = torch.tensor(rows, device=device)
        self.starts = torch.tensor(starts, device=device)


class RowsLayer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's keys and values, [rows, heads, tokens, size of a head]; grown when needed."""

    def __init__(self) -> None:
        super().__init__()
        self.forward: Forward

    def lazy_initialization(self, key_states: Any, value_states: Any) -> None:
        """Make it for as many heads as this rank has."""
        self.keys = key_states.new_zeros(self._shape(key_states, 0, 0))
        self.values = value_states.new_zeros(self._shape(value_states, 0, 0))
        self.is_initialized = True

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        """Write what is new; all keys and values of these rows, padded to the longest."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.keys = self._with_room(self.keys)
        self.values = self._with_room(self.values)
        return self._put(self.keys, key_states), self._put(self.values, value_states)

    def get_seq_length(self) -> int:
        """How many tokens the row has; of one row alone, as others get a mask of their own."""
        return self.forward.start

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """How many tokens a mask spans, and where it begins."""
        return self.forward.start + query_length, 0

    def get_max_length(self) -> int:
        """There is no limit here."""
        return -1

    def _put(self, memory: Any, new: Any) -> Any:
        now = self.forward
        if now.is_one:
            row, end = slice(now.first, now.first + 1), now.start + new.shape[2]
            memory[row, :, now.start : end] = new
            return memory[row, :, :end]
        memory[now.rows, :, now.starts] = new[:, :, 0]
        seen = memory[:, :, : now.tokens_needed]
        return seen[: now.count] if now.is_lowest else seen.index_select(0, now.rows)

    def _with_room(self, memory: Any) -> Any:
        rows, _, tokens, _ = memory.shape
        if rows >= self.forward.rows_needed and tokens >= self.forward.tokens_needed:
            return memory
        # Zeros: what is masked counts nothing, unless it is not a number.
        grown = memory.new_zeros(
            self._shape(
                memory,
                _grown(rows, self.forward.rows_needed, 1),
                _grown(tokens, self.forward.tokens_needed, _FIRST_TOKENS),
            )
        )
        grown[:rows, :, :tokens] = memory
        return grown

    def _shape(self, like: Any, rows: int, tokens: int) -> tuple[int, int, int, int]:
        return rows, like.shape[1], tokens, like.shape[3]


def rows_cache(layers: int) -> Cache:
    """A cache of so many layers; of those that this rank does not have nothing is kept."""
    return Cache(layers=[RowsLayer() for _ in range(layers)])


def _grown(have: int, needed: int, least: int) -> int:
    size = max(have, least)
    while size < needed:
        size *= 2
    return size

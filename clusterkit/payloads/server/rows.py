"""Keys and values of many rows, in transformers' own interface of a cache: each row by itself.

A row has as much memory as it needs, whatever the longest one has, and gives it back when it is
forgotten. Imported where torch is wanted anyway: it is slow to import.
"""

from __future__ import annotations

from typing import Any, Sequence  # noqa: UP035 - Python 3.8

from transformers.cache_utils import Cache, CacheLayerMixin

_TOKENS = 256
"""What a row begins with; doubled whenever it is full."""


class RowsLayer(CacheLayerMixin):  # type: ignore[misc]
    """One layer of this rank: for each row [1, heads, tokens, size of a head], twice.

    ``rows`` and ``starts``: those of the forward at hand, and how much each has already.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: Sequence[int] = ()
        self.starts: Sequence[int] = ()
        self._keys: dict[int, Any] = {}
        self._values: dict[int, Any] = {}
        self.is_initialized = True

    def lazy_initialization(self, key_states: Any, value_states: Any) -> None:
        """Nothing: rows are made when they come."""

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        """Keep what is new; all keys and all values of each row, for ``attention``."""
        return self._put(self._keys, key_states), self._put(self._values, value_states)

    def forget(self, row: int) -> None:
        """Give its memory back."""
        self._keys.pop(row, None)
        self._values.pop(row, None)

    def get_seq_length(self) -> int:
        """How many tokens the first row has; positions are told to the model, not asked here."""
        return self.starts[0]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """How much a mask would span; none is made."""
        return self.starts[0] + query_length, 0

    def get_max_length(self) -> int:
        """There is no limit here."""
        return -1

    def _put(self, memory: dict[int, Any], new: Any) -> list[Any]:
        seen = []
        for at, (row, start) in enumerate(zip(self.rows, self.starts)):  # noqa: B905
            end = start + new.shape[2]
            kept = memory.get(row)
            if kept is None or kept.shape[2] < end:
                kept = memory[row] = _grown(kept, new, end)
            kept[:, :, start:end] = new[at]
            seen.append(kept[:, :, :end])
        return seen


def rows_cache(layers: int) -> Cache:
    """A cache of so many layers; of those that this rank does not have nothing is kept."""
    return Cache(layers=[RowsLayer() for _ in range(layers)])


def _grown(kept: Any, like: Any, needed: int) -> Any:
    size = _TOKENS
    while size < needed:
        size *= 2
    grown = like.new_empty((1, like.shape[1], size, like.shape[3]))
    if kept is not None:
        grown[:, :, : kept.shape[2]] = kept
    return grown

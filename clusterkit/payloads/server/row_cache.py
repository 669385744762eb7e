"""A static cache of keys and values whose rows each have a length of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache, StaticCache, StaticLayer


@dataclass
class Place:
    """Where the tokens of the next forward go; the layers of one cache share it.

    A prompt goes to one ``row`` [1], from its beginning; or, where the row has its first part, to
    these ``positions`` [tokens], and then looks at the row's first ``seen`` tokens.
    A step puts one token into each of the first rows, at these ``positions`` [rows].
    """

    row: Any = None
    positions: Any = None
    seen: int = 0


class RowLayer(StaticLayer):  # type: ignore[misc]
    """The library's static layer, written row by row; all writes are by index, on the device."""

    def __init__(self, rows: int, capacity: int, place: Place) -> None:
        super().__init__(max_cache_len=capacity)
        self.rows = rows
        self.place = place

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Have room for all rows, whatever comes first."""
        all_rows = (self.rows, -1, -1, -1)
        super().lazy_initialization(
            key_states[:1].expand(all_rows), value_states[:1].expand(all_rows)
        )

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write what is new, and return all that it may look at."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        if self.place.positions is None:
            return self._begin(key_states, value_states)
        if self.place.row is None:
            return self._step(key_states, value_states)
        return self._go_on(key_states, value_states)

    def _begin(
        self, keys: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        length = keys.shape[-2]
        self.keys[:, :, :length].index_copy_(0, self.place.row, keys)
        self.values[:, :, :length].index_copy_(0, self.place.row, values)
        return keys, values  # nothing was there before

    def _go_on(
        self, keys: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        row, seen = self.place.row, self.place.seen
        heads = torch.arange(keys.shape[1], device=keys.device)
        where = (row[:, None, None], heads[None, :, None], self.place.positions[None, None, :])
        self.keys.index_put_(where, keys)
        self.values.index_put_(where, values)
        return tuple(all_[:, :, :seen].index_select(0, row) for all_ in (self.keys, self.values))

    def _step(self, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        count, heads = keys.shape[:2]
        where = (
            torch.arange(count, device=keys.device)[:, None],
            torch.arange(heads, device=keys.device)[None, :],
            self.place.positions[:, None],
        )
        self.keys.index_put_(where, keys[:, :, 0])
        self.values.index_put_(where, values[:, :, 0])
        return self.keys.narrow(0, 0, count), self.values.narrow(0, 0, count)

    def move(self, source: int, target: int, length: int) -> None:
        """Give the tokens of one row to another."""
        for tensor in (self.keys, self.values):
            tensor[target, :, :length].copy_(tensor[source, :, :length])


def row_cache(model: Any, rows: int, capacity: int, place: Place) -> Cache:
    """A cache for ``rows`` rows of ``capacity`` tokens."""
    layers = len(StaticCache(config=model.config, max_cache_len=1).layers)
    return Cache(layers=[RowLayer(rows, capacity, place) for _ in range(layers)])


def other_layers(model: Any) -> set[str]:
    """What kinds of layers ``model`` has that do not fit: a window, or no attention at all."""
    layers = StaticCache(config=model.config, max_cache_len=1).layers
    return {type(layer).__name__ for layer in layers if type(layer) is not StaticLayer}

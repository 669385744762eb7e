"""A decoder whose steps are compiled and recorded: for GPUs, where launching costs most."""

from __future__ import annotations

from typing import Any, Callable, Sequence  # noqa: UP035 - Python 3.8

import torch

from clusterkit.payloads.server.decode_steps import DecodeSteps, How
from clusterkit.payloads.server.prompt_steps import LENGTHS, PromptSteps
from clusterkit.payloads.server.row_attention import BLOCK, install
from clusterkit.payloads.server.row_cache import Place, other_layers, row_cache
from clusterkit.payloads.server.row_table import Rows, batch_sizes, smallest

Warming = Callable[[int, int, str], None]
"""Is told what is done of how much, and what comes next."""


def why_not(model: Any, *, pp: int) -> str | None:
    """Why ``model`` cannot be decoded so; None: it can."""
    if pp > 1:
        return "the ranks of a pipeline run different steps"
    if not getattr(model, "_can_compile_fullgraph", False):
        return f"{type(model).__name__} cannot be compiled whole"
    if others := other_layers(model):
        return f"its cache has layers of other kinds: {', '.join(sorted(others))}"
    return None


class CompiledDecoder:
    """Decoder over a static cache; ``greedy`` takes the likeliest tokens on the device."""

    def __init__(
        self, model: Any, *, slots: int, capacity: int, how: How | None = None
    ) -> None:
        how = how or How()
        self.slots = slots
        self.capacity = -(-capacity // BLOCK) * BLOCK
        install(model)
        place = Place()
        self._cache = row_cache(model, slots, self.capacity, place)
        self._rows = Rows(slots)
        self._sizes = batch_sizes(slots)
        self._prompts = PromptSteps(model, self._cache, place)
        self._steps = DecodeSteps(model, self._cache, place, most=slots, how=how)
        self._how = how

    def warm(self, told: Warming) -> None:
        """Compile and record everything, before the first request needs it."""
        lengths = [each for each in LENGTHS if each <= self.capacity] if self._how.has_graphs else []
        parts: list[tuple[str, Callable[[], Any]]] = [
            ("memory", lambda: self._prompts.run(0, [0])),
            *((f"prompts of {each}", lambda each=each: self._prompts.warm(each)) for each in lengths),
            *((f"batch {each}", lambda each=each: self._steps.warm(each)) for each in self._sizes),
        ]
        for done, (what, do) in enumerate(parts):
            told(done, len(parts), what)
            do()
        told(len(parts), len(parts), "")

    def prefill(self, slot: int, ids: Sequence[int]) -> torch.Tensor:
        """Begin a row with a prompt; the logits [vocabulary] of the token after it."""
        if not 0 < len(ids) <= self.capacity:
            raise ValueError(f"a prompt of {len(ids)} tokens; a row holds {self.capacity}")
        return self._prompts.run(self._rows.take(slot, len(ids)), ids)

    def decode(self, slots: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        """Append a token to each of these rows; logits [rows, vocabulary]."""
        rows, (logits, _) = self._step(slots, tokens)
        return logits[rows]

    def greedy(self, slots: Sequence[int], tokens: Sequence[int]) -> list[int]:
        """The same, and the likeliest next token of each row."""
        rows, (_, likeliest) = self._step(slots, tokens)
        found: list[int] = likeliest.tolist()
        return [found[row] for row in rows]

    def free(self, slot: int) -> None:
        """Forget a row; the last one takes its place, so that rows in use stay together."""
        moved = self._rows.give_back(slot)
        if moved is not None:
            source, target = moved
            for layer in self._cache.layers:
                layer.move(source, target, self._rows.lengths[target])

    def _step(
        self, slots: Sequence[int], tokens: Sequence[int]
    ) -> tuple[list[int], tuple[torch.Tensor, torch.Tensor]]:
        rows, lengths = [self._rows.of(slot) for slot in slots], self._rows.lengths
        if max(lengths[row] for row in rows) >= self.capacity:
            raise ValueError(f"a row is full: it holds {self.capacity} tokens")
        size = smallest(self._sizes, max(rows) + 1) or self.slots
        # A row that is not asked for gets a token too, where its next one will overwrite it.
        fed = [0] * size
        for row, token in zip(rows, tokens):  # noqa: B905 - Python 3.8
            fed[row] = token
        positions = [min(length, self.capacity - 1) for length in lengths[:size]]
        result = self._steps.run(fed, positions)
        for row in rows:
            lengths[row] += 1
        return rows, result

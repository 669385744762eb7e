"""A decoder whose steps are compiled and recorded: for GPUs, where launching costs most."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Sequence  # noqa: UP035 - Python 3.8

import torch

from clusterkit.payloads.server.decode_steps import DecodeSteps, How
from clusterkit.payloads.server.prompt_steps import PromptSteps
from clusterkit.payloads.server.row_attention import BLOCK, install
from clusterkit.payloads.server.row_cache import Place, other_layers, row_cache
from clusterkit.payloads.server.row_table import Rows, batch_sizes, smallest

Warming = Callable[[int, int, str], None]
"""Is told what is done of how much, and what comes next."""


APART = 0.15
"""What bfloat16 may make of 80 layers; a row that sees other tokens differs by more."""


class Differs(Exception):
    """Compiled steps do not compute what the model does: they must not be used."""


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
    """A Decoder over a static cache; ``warm`` comes before all else."""

    def __init__(self, model: Any, *, slots: int, capacity: int, how: How | None = None) -> None:
        how = how or How()
        self.slots, self.capacity = slots, capacity
        install(model)
        place = Place()
        whole_blocks = -(-capacity // BLOCK) * BLOCK
        self._cache = row_cache(model, slots, whole_blocks, place)
        self._rows = Rows(slots)
        self._sizes = batch_sizes(slots)
        self._prompts = PromptSteps(model, self._cache, place)
        self._steps = DecodeSteps(model, self._cache, place, most=slots, how=how)
        self._how = how

    def warm(self, told: Warming) -> None:
        """Compile, record and prove everything, before the first request needs it.

        Raises:
            Differs: If a compiled step is not what the model computes.
        """
        parts: list[tuple[str, Callable[[], Any]]] = [("memory", self._first)]
        if self._how.has_graphs:
            parts += [
                (
                    f"prompts of {length}" + ", continued" * is_later,
                    partial(self._prompts.warm, length, is_later=is_later),
                )
                for length, is_later in self._prompts.parts()
            ]
        parts += [(f"batch {size}", partial(self._warm_step, size)) for size in self._sizes]
        for done, (what, do) in enumerate(parts):
            told(done, len(parts), what)
            do()
        told(len(parts), len(parts), "")

    def prefill(self, slot: int, ids: Sequence[int]) -> torch.Tensor:
        """Add a prompt, or its next part, to a row; logits [vocabulary] of the token after it."""
        row = self._rows.of(slot)
        start = self._rows.lengths[row]
        if start + len(ids) > self.capacity:
            raise ValueError(f"a row has {start} of {self.capacity} tokens: {len(ids)} are more")
        self._rows.lengths[row] += len(ids)
        return self._prompts.run(row, start, ids)

    def decode(self, slots: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        """Append a token to each of these rows; logits [rows, vocabulary], until the next call."""
        rows, lengths = [self._rows.of(slot) for slot in slots], self._rows.lengths
        if max(lengths[row] for row in rows) >= self.capacity:
            raise ValueError(f"a row has all of {self.capacity} tokens")
        size = smallest(self._sizes, max(rows) + 1) or self.slots
        # A row that is not asked for gets a token too, where its next one will overwrite it.
        fed = [(0, min(length, self.capacity - 1)) for length in lengths[:size]]
        for row, token in zip(rows, tokens):  # noqa: B905 - Python 3.8
            fed[row] = (token, lengths[row])
            lengths[row] += 1
        logits = self._steps.run(fed)
        return logits[: len(rows)] if rows == list(range(len(rows))) else logits[rows]

    def free(self, slot: int) -> None:
        """Forget a row; the last one takes its place, so that rows in use stay together."""
        moved = self._rows.give_back(slot)
        if moved is not None:
            source, target = moved
            for layer in self._cache.layers:
                layer.move(source, target, self._rows.lengths[target])

    def release(self) -> None:
        """Let go of the graphs: while they are there, NCCL's part in them cannot be ended."""
        self._steps.release()
        self._prompts.release()

    def _warm_step(self, size: int) -> None:
        self._steps.warm(size)
        share = self._steps.apart(size)
        if not share <= APART:
            raise Differs(f"steps of {size} rows differ by {share:.0%} from those not compiled")

    def _first(self) -> None:
        """The first forward makes the cache, in which this token stays unseen."""
        self._prompts.run(0, 0, [0])

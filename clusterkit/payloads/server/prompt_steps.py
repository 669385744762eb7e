"""The forward of a whole prompt: as it is, and for short ones recorded in CUDA graphs."""

from __future__ import annotations

from typing import Any, Sequence  # noqa: UP035 - Python 3.8

import torch

from clusterkit.payloads.server.row_cache import Place
from clusterkit.payloads.server.row_table import smallest

LENGTHS = (32, 128, 512)
"""Longer prompts keep the GPU busy without a graph."""


class PromptSteps:
    """Puts a prompt into a row, and says what comes after it."""

    def __init__(self, model: Any, cache: Any, place: Place) -> None:
        self._model, self._cache, self._place = model, cache, place
        self._graphs: dict[int, Any] = {}
        self._lengths: tuple[int, ...] = ()
        self._pool: Any = None
        device = model.device
        self._row = torch.zeros(1, dtype=torch.long, device=device)
        self._last = torch.zeros(1, dtype=torch.long, device=device)
        self._ids = torch.zeros((1, LENGTHS[-1]), dtype=torch.long, device=device)

    def run(self, row: int, ids: Sequence[int]) -> torch.Tensor:
        """The logits [vocabulary] of the token after the prompt."""
        length = smallest(self._lengths, len(ids))
        self._row.fill_(row)
        self._last.fill_(len(ids) - 1)
        given = torch.tensor([list(ids)])
        if length is None:
            return self._forward(given.to(self._model.device))
        # What fills up the length comes after the prompt, which does not look at it.
        self._ids[:, : len(ids)].copy_(given)
        graph, logits = self._graphs[length]
        graph.replay()
        return logits.clone()

    def warm(self, length: int) -> None:
        """Record the forward of prompts up to this length."""
        ids = self._ids[:, :length]
        self._row.zero_()
        self._last.zero_()
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            self._forward(ids)
        torch.cuda.current_stream().wait_stream(beside)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            logits = self._forward(ids)
        self._pool = graph.pool()
        self._graphs[length] = (graph, logits)
        self._lengths = tuple(sorted(self._graphs))

    def _forward(self, ids: torch.Tensor) -> torch.Tensor:
        self._place.row, self._place.positions = self._row, None
        with torch.no_grad():
            output = self._model(
                input_ids=ids,
                position_ids=torch.arange(ids.shape[1], device=ids.device)[None],
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=self._last,
            )
        return output.logits[0, -1].float()

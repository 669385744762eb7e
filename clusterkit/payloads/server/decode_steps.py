"""The step that adds one token to each row: compiled, and captured in one CUDA graph per size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable  # noqa: UP035 - Python 3.8

import torch

from clusterkit.payloads.server.row_attention import block_mask, plain_mask
from clusterkit.payloads.server.row_cache import Place


@dataclass(frozen=True)
class How:
    """How steps are made fast.

    ``backend`` None: they are not compiled. ``mode`` is that of one row, ``modes`` of more rows.
    """

    backend: str | None = "inductor"
    mode: str | None = "max-autotune-no-cudagraphs"
    mode_of_many: str | None = None
    has_graphs: bool = True
    has_blocks: bool = True


@dataclass(frozen=True)
class Captured:
    """One recorded step: what it left, and how to run it again."""

    replay: Callable[[], None]
    logits: torch.Tensor


class DecodeSteps:
    """Runs the model for one new token in each of the first rows."""

    def __init__(self, model: Any, cache: Any, place: Place, *, most: int, how: How) -> None:
        self._model, self._cache, self._place, self._how = model, cache, place, how
        self._capacity: int = cache.layers[0].max_cache_len
        self._feed = torch.zeros((most, 2), dtype=torch.long, device=model.device)
        self._one, self._many = self._compiled(how.mode), self._compiled(how.mode_of_many)
        self._captured: dict[int, Captured] = {}
        self._pool: Any = None

    def run(self, fed: list[tuple[int, int]]) -> torch.Tensor:
        """Logits [rows, vocabulary] after a token at a position in each row.

        They are good until the next step.
        """
        rows = len(fed)
        self._feed[:rows].copy_(torch.tensor(fed))
        captured = self._captured.get(rows)
        if captured is None:
            return self._step(rows)
        captured.replay()
        return captured.logits

    def warm(self, rows: int) -> None:
        """Compile the step of this size, and record it."""
        self._feed.zero_()
        for _ in range(2):  # the first one compiles; the second one has all that it needs
            self._step(rows)
        if self._how.has_graphs:
            self._captured[rows] = self._capture(rows)

    def release(self) -> None:
        """Forget what was recorded."""
        self._captured.clear()

    def _capture(self, rows: int) -> Captured:
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            self._step(rows)
        torch.cuda.current_stream().wait_stream(beside)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        # Other threads, as that of NCCL's watchdog, may call CUDA meanwhile.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            logits = self._step(rows)
        self._pool = graph.pool()
        return Captured(graph.replay, logits)

    def _step(self, rows: int) -> torch.Tensor:
        feed = self._feed[:rows]
        self._place.row, self._place.positions = None, feed[:, 1]
        with torch.no_grad():
            return (self._one if rows == 1 else self._many)(feed)

    def _compiled(self, mode: str | None) -> Callable[[torch.Tensor], Any]:
        if self._how.backend is None:
            return self._forward
        named = {"mode": mode} if self._how.backend == "inductor" and mode else {}
        # Of one size each: with a batch of any size, flex attention was wrong on an H200 for some
        # rows (torch 2.11), and takes a slower kernel.
        made: Callable[[torch.Tensor], Any] = torch.compile(
            self._forward, backend=self._how.backend, dynamic=False, **named
        )
        return made

    def apart(self, rows: int) -> float:
        """How far logits of this size are from those that are not compiled, of their spread.

        Rows of all lengths are compared, over random keys and values.
        """
        for layer in self._cache.layers:
            layer.keys.normal_()
            layer.values.normal_()
        last = self._capacity - 1
        fed = [(row % 7, last * (row + 1) // rows) for row in range(rows)]
        ours = self.run(fed).clone()
        with torch.no_grad():
            theirs = self._forward(self._feed[:rows], has_blocks=False)
        return float(((ours - theirs).pow(2).mean(dim=-1).sqrt() / theirs.std(dim=-1)).max())

    def _forward(self, feed: torch.Tensor, has_blocks: bool | None = None) -> torch.Tensor:
        tokens, positions = feed[:, 0], feed[:, 1]
        if has_blocks is None:
            has_blocks = self._how.has_blocks
        mask = block_mask if has_blocks else plain_mask
        output = self._model(
            input_ids=tokens[:, None],
            position_ids=positions[:, None],
            attention_mask=mask(positions, self._capacity),
            past_key_values=self._cache,
            use_cache=True,
        )
        return output.logits[:, -1].float()

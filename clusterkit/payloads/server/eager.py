"""The model as transformers runs it, for rows that come and go; exact on every device."""

from __future__ import annotations

from typing import Any, Sequence  # noqa: UP035 - Python 3.8

import torch

from clusterkit.payloads.generate_events import Refused
from clusterkit.payloads.server.attention import use_grouped_attention
from clusterkit.payloads.server.rows import Forward, rows_cache

_FULL, _SLIDING = "full_attention", "sliding_attention"


class EagerDecoder:
    """A Decoder: every row of a batch gets what it would get alone.

    Raises:
        Refused: If the model remembers in another way than by keys and values of each token.
    """

    def __init__(self, model: Any, *, slots: int, capacity: int) -> None:
        self.slots, self.capacity = slots, capacity
        self._model = model
        self._device = model.device
        self._config = model.config.get_text_config()
        self._kinds = layer_kinds(self._config)
        self._cache = rows_cache(self._config.num_hidden_layers)
        self._lengths = [0] * slots
        use_grouped_attention(model)

    def prefill(self, slot: int, ids: Sequence[int]) -> Any:
        """Add a prompt, or its next part; the logits [vocabulary] of the token after it."""
        return self._forward([slot], [list(ids)], masks=None)[0]

    def decode(self, slots: Sequence[int], tokens: Sequence[int]) -> Any:
        """One forward for all: append a token to each of these rows; logits [rows, vocabulary]."""
        masks = None
        if len(slots) > 1:
            lengths = torch.tensor([self._lengths[slot] for slot in slots], device=self._device)
            made = {
                kind: mask_of(lengths, self._config.sliding_window if kind == _SLIDING else None)
                for kind in self._kinds
            }
            masks = made if len(made) > 1 else next(iter(made.values()))
        return self._forward(slots, [[token] for token in tokens], masks)

    def free(self, slot: int) -> None:
        """Forget a row."""
        self._lengths[slot] = 0

    def release(self) -> None:
        """Nothing is held."""

    def _forward(self, slots: Sequence[int], ids: list[list[int]], masks: Any) -> Any:
        starts, new = [self._lengths[slot] for slot in slots], len(ids[0])
        if max(starts) + new > self.capacity:
            raise ValueError(f"a row has {max(starts)} of {self.capacity} tokens: {new} are more")
        forward = Forward(slots, starts, new, self._device)
        for layer in self._cache.layers:
            layer.forward = forward
        places = torch.tensor([[start + i for i in range(new)] for start in starts])
        with torch.inference_mode():
            output = self._model(
                input_ids=torch.tensor(ids, device=self._device),
                attention_mask=masks,
                position_ids=places.to(self._device),
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            )
        for slot in slots:
            self._lengths[slot] += new
        return output.logits[:, -1].float()


def layer_kinds(config: Any) -> list[str]:
    """Which kinds of attention the layers have.

    Raises:
        Refused: If one of them is of a kind that has no rows of keys and values.
    """
    window = getattr(config, "sliding_window", None)
    kinds = getattr(config, "layer_types", None) or [_SLIDING if window else _FULL]
    if other := sorted(set(kinds) - {_FULL, _SLIDING}):
        raise Refused(
            f"models with {', '.join(other)} cannot be served for many at once. "
            "Fix: `clusterkit infer`, which answers one prompt after the other"
        )
    return sorted(set(kinds))


def mask_of(lengths: Any, window: int | None) -> Any:
    """What the next token of each row may see: itself, and what its own row has."""
    places = torch.arange(int(lengths.max()) + 1, device=lengths.device)
    ends = lengths[:, None]
    seen = places <= ends
    if window is not None:
        seen &= places > ends - window
    return seen[:, None, None, :]

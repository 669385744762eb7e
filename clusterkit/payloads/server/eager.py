"""The model as transformers runs it, for rows that come and go; exact on every device."""

from __future__ import annotations

from typing import Any, Sequence  # noqa: UP035 - Python 3.8

import torch

from clusterkit.payloads.generate_events import Refused
from clusterkit.payloads.server.attention import attend_by_rows
from clusterkit.payloads.server.rows import rows_cache


class EagerDecoder:
    """A Decoder: every row of a batch gets what it would get alone.

    Raises:
        Refused: If the model remembers in another way than by keys and values of each token.
    """

    def __init__(self, model: Any, *, slots: int, capacity: int) -> None:
        config = model.config.get_text_config()
        check_layers(config)
        attend_by_rows(model)
        self.slots, self.capacity = slots, capacity
        self._model = model
        self._cache = rows_cache(config.num_hidden_layers)
        self._lengths = [0] * slots

    def prefill(self, slot: int, ids: Sequence[int]) -> Any:
        """Add a prompt, or its next part; the logits [vocabulary] of the token after it."""
        return self._forward([slot], [list(ids)])[0]

    def decode(self, slots: Sequence[int], tokens: Sequence[int]) -> Any:
        """One forward for all: append a token to each of these rows; logits [rows, vocabulary]."""
        return self._forward(slots, [[token] for token in tokens])

    def free(self, slot: int) -> None:
        """Forget a row."""
        self._lengths[slot] = 0
        for layer in self._cache.layers:
            layer.forget(slot)

    def release(self) -> None:
        """Nothing is held."""

    def _forward(self, slots: Sequence[int], ids: list[list[int]]) -> Any:
        starts, new = [self._lengths[slot] for slot in slots], len(ids[0])
        if max(starts) + new > self.capacity:
            raise ValueError(f"a row has {max(starts)} of {self.capacity} tokens: {new} are more")
        for layer in self._cache.layers:
            layer.rows, layer.starts = slots, starts
        device = self._model.device
        places = [[start + at for at in range(new)] for start in starts]
        with torch.inference_mode():
            output = self._model(
                input_ids=torch.tensor(ids, device=device),
                position_ids=torch.tensor(places, device=device),
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            )
        for slot in slots:
            self._lengths[slot] += new
        return output.logits[:, -1].float()


def check_layers(config: Any) -> None:
    """Every layer must keep the keys and values of each token.

    Raises:
        Refused: If one does not.
    """
    kinds = set(getattr(config, "layer_types", None) or [])
    if other := sorted(kinds - {"full_attention", "sliding_attention"}):
        raise Refused(
            f"models with {', '.join(other)} cannot serve many at once. "
            "Fix: `clusterkit infer`, which answers one prompt after the other"
        )

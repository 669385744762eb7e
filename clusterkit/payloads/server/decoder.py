"""The model and the memory of its rows, on each rank alike."""

from __future__ import annotations

from typing import Any, Protocol, Sequence  # noqa: UP035 - Python 3.8


class Decoder(Protocol):
    """Rows (slots) of one batch that come and go one by one; all ranks make the same calls.

    Logits are float32 on the rank's device, and the same on all ranks.
    """

    slots: int
    """How many rows there are."""

    capacity: int
    """How many tokens a row can hold."""

    def prefill(self, slot: int, ids: Sequence[int]) -> Any:
        """Add a prompt, or its next part, to a row; logits [vocabulary] of the token after it."""

    def decode(self, slots: Sequence[int], tokens: Sequence[int]) -> Any:
        """One forward for all: append a token to each of these rows; logits [rows, vocabulary]."""

    def free(self, slot: int) -> None:
        """Forget a row."""

    def release(self) -> None:
        """The end: no call comes after this one, and the ranks part."""

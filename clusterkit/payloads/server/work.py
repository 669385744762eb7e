"""What the HTTP side of a server asks of the ranks, and what it hears back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Protocol, Tuple, Union  # noqa: UP035 - Python 3.8


@dataclass(frozen=True)
class Work:
    """One prompt to be continued: token ids, and how the next ones are drawn.

    ``top_logprobs`` None: no log probabilities are wanted; 0: those of the drawn tokens alone.
    ``ignore_eos``: the answer has ``max_tokens`` tokens whatever comes.
    """

    id: str
    prompt: Tuple[int, ...]  # noqa: UP006 - Python 3.8
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    top_logprobs: int | None = None
    ignore_eos: bool = False


@dataclass(frozen=True)
class NewToken:
    """One token that was drawn; ``finish`` is ``stop`` or ``length`` with the last one.

    ``top``: the likeliest tokens and their log probabilities, likeliest first.
    """

    token: int
    logprob: float | None = None
    top: Tuple[Tuple[int, float], ...] = ()  # noqa: UP006 - Python 3.8
    finish: str | None = None


class RanksFailed(Exception):
    """The ranks cannot go on; the message says which one is gone, where that is known."""


class QueueFull(Exception):
    """As many requests wait as may."""


Heard = Callable[[Union[NewToken, RanksFailed]], None]  # noqa: UP007 - Python 3.8
"""Takes each token of a request in order, called from the thread of the ranks: be quick."""


@dataclass(frozen=True)
class Load:
    """What the ranks do at this moment."""

    running: int
    queued: int
    slots: int
    tokens: int
    """New tokens of all requests since the start."""


class Generation(Protocol):
    """All ranks, as rank 0's HTTP side sees them; every method may be called from any thread."""

    context: int
    """The most tokens that a prompt and its answer have together."""

    def submit(self, work: Work, heard: Heard) -> None:
        """Queue one request; raise QueueFull or RanksFailed."""

    def cancel(self, work_id: str) -> None:
        """Free its place: nobody waits for it. Unknown ids are fine: it has ended."""

    def load(self) -> Load:
        """How much is going on."""

    def failure(self) -> str | None:
        """Why nothing can be answered any more; None: all ranks work."""

    def stop(self) -> None:
        """Let every rank leave; requests that still run hear RanksFailed."""

"""What the ranks of any engine tell: each engine reads the rows of its own ranks into these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ready:
    """A rank has loaded its part of the model."""

    rank: int
    device: str
    load_s: float
    memory_bytes: int
    parameters: int
    dtype: str
    device_name: str | None = None
    gpu_uuid: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """Text that was added to the answer of prompt number ``prompt``, from 0."""

    prompt: int
    text: str


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer of one prompt. ``prompt_text`` is what the model got, template included.

    ``token_s`` is the mean of the tokens after the first; None where there are none.
    """

    prompt: int
    prompt_text: str
    text: str
    token_ids: tuple[int, ...]
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str
    first_token_s: float
    token_s: float | None
    seed: int | None = None
    prompt_logits: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Peak:
    """The most memory that a rank used until its end."""

    rank: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Done:
    """Every prompt was answered, and all ranks agree on the tokens."""

    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RankError:
    """A rank cannot go on. Several ranks may say the same."""

    rank: int
    message: str


Told = Ready | Token | Completion | Peak | Done | RankError
"""Whatever a rank told."""

Parse = Callable[[int, Mapping[str, Any]], Told | None]
"""Read one JSON object that a rank sent; None: it is of no kind that the engine knows."""

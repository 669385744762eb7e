"""What the ranks of any engine tell: each engine reads the rows of its own ranks into these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ready:
    """A rank has loaded its part of the model, and compiled it where the engine compiles.

    ``collectives`` is what runs those of tensor parallelism within what was compiled.
    """

    rank: int
    device: str
    load_s: float
    memory_bytes: int
    parameters: int
    dtype: str
    device_name: str | None = None
    gpu_uuid: str | None = None
    compile_s: float | None = None
    collectives: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """Text that was added to the answer of prompt number ``prompt``, from 0."""

    prompt: int
    text: str


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer of one prompt. ``prompt_text`` is what the model got, template included.

    ``token_s`` is the mean of the tokens after the first; None where there are none. Counts, times
    and ``finish_reason`` are None where the engine's program does not tell them.
    """

    prompt: int
    prompt_text: str
    text: str
    token_ids: tuple[int, ...] = ()
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: str | None = None
    first_token_s: float | None = None
    token_s: float | None = None
    seed: int | None = None
    prompt_logits: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Peak:
    """The most memory that a rank used until its end."""

    rank: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Done:
    """Every prompt was answered, and all ranks agree on the tokens.

    ``dtype`` is told where no rank says that it is ready.
    """

    versions: Mapping[str, str]
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class RankError:
    """A rank cannot go on. Several ranks may say the same."""

    rank: int
    message: str


Told = Ready | Token | Completion | Peak | Done | RankError
"""Whatever a rank told."""

Parse = Callable[[int, Mapping[str, Any]], Told | None]
"""Read one JSON object that a rank sent; None: it is of no kind that the engine knows."""


def told(rank: int, row: Mapping[str, Any]) -> Told | None:
    """What our own payloads tell, whichever engine they run."""
    match row.get("event"):
        case "ready":
            return Ready(**_known(Ready, row) | {"rank": rank})
        case "token":
            return Token(row["prompt"], row["text"])
        case "answer":
            pairs = row.get("prompt_logits", ())
            logits = tuple((int(token), float(value)) for token, value in pairs)
            ids = tuple(row.get("token_ids", ()))
            return Completion(
                **_known(Completion, row) | {"token_ids": ids, "prompt_logits": logits}
            )
        case "peak":
            return Peak(rank, row["memory_bytes"])
        case "done":
            return Done(dict(row["versions"]), row.get("dtype"))
        case "error":
            return RankError(rank, row["message"])
    return None


def _known(kind: type[Ready | Completion], row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``row`` that ``kind`` has: a newer payload may tell more."""
    return {name: row[name] for name in kind.__slots__ if name in row}

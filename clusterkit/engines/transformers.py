"""Hugging Face transformers as an engine: the program of its ranks, and what they answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from clusterkit.checks.fit import REQUIRED_PACKAGES
from clusterkit.errors import UsageError
from clusterkit.model.engine import TransformersSettings
from clusterkit.model.job import RankProgram

_INPUT_VERSION = 1


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """What to answer, and how: greedy, unless ``temperature`` is above zero.

    ``seed`` None: one is chosen, and told with the answer. ``raw``: the prompt is the text that
    the model goes on with, without a chat template. ``logits``: how many of the highest logits
    for the first new token are wanted as well.
    """

    prompts: tuple[str, ...]
    system: str | None = None
    raw: bool = False
    max_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    logits: int = 0

    def __post_init__(self) -> None:
        if problems := list(_problems(self)):
            raise UsageError("\n".join(problems))


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


GenerateEvent = Ready | Token | Completion | Peak | Done | RankError


@dataclass(frozen=True, slots=True)
class Transformers:
    """The engine ``transformers``, with its settings."""

    settings: TransformersSettings

    def requirements(self) -> tuple[str, ...]:
        """The Python packages that every node needs."""
        return REQUIRED_PACKAGES

    def program(
        self, python: str, payload_folder: str, model_folder: str, request: GenerateRequest
    ) -> RankProgram:
        """What every rank runs to answer ``request``."""
        settings = self.settings
        content = {
            "version": _INPUT_VERSION,
            "model": model_folder,
            "tp": settings.tp,
            "pp": settings.pp,
            "dtype": settings.dtype,
            "threads": settings.threads_per_rank,
            **asdict(request),
        }
        return RankProgram(
            argv=(python, payload_folder, "generate"),
            files={"input.json": json.dumps(content, ensure_ascii=False).encode()},
        )


def parse(rank: int, row: Mapping[str, Any]) -> GenerateEvent | None:
    """One JSON object that rank ``rank`` sent; None: it is of no kind that is known here."""
    match row.get("event"):
        case "ready":
            return Ready(**_known(Ready, row) | {"rank": rank})
        case "token":
            return Token(row["prompt"], row["text"])
        case "answer":
            pairs = tuple((int(token), float(value)) for token, value in row["prompt_logits"])
            ids = tuple(row["token_ids"])
            return Completion(
                **_known(Completion, row) | {"token_ids": ids, "prompt_logits": pairs}
            )
        case "peak":
            return Peak(rank, row["memory_bytes"])
        case "done":
            return Done(dict(row["versions"]))
        case "error":
            return RankError(rank, row["message"])
    return None


def _known(kind: type[Ready | Completion], row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ``row`` that ``kind`` has: a newer payload may tell more."""
    return {name: row[name] for name in kind.__slots__ if name in row}


def _problems(request: GenerateRequest) -> Any:
    if not request.prompts:
        yield "there is no prompt. Fix: `--prompt TEXT` or `--prompts FILE`"
    for number, prompt in enumerate(request.prompts, 1):
        if not prompt.strip():
            yield f"prompt {number} is empty. Fix: write one"
    texts = (*request.prompts, request.system or "")
    if any("\ud800" <= character <= "\udfff" for text in texts for character in text):
        yield "a prompt is not UTF-8. Fix: write it as UTF-8"
    if request.raw and request.system is not None:
        yield "a system prompt needs the chat template. Fix: leave out `--raw` or `--system`"
    if request.max_tokens < 1:
        yield f"max tokens is {request.max_tokens}. Fix: 1 or more"
    if not request.temperature >= 0:
        yield f"temperature is {request.temperature:g}. Fix: 0 (greedy) or more"
    if not 0 < request.top_p <= 1:
        yield f"top-p is {request.top_p:g}. Fix: more than 0, at most 1"
    if request.seed is not None and not 0 <= request.seed < 2**63:
        yield f"seed is {request.seed}. Fix: 0 to 2^63 - 1"

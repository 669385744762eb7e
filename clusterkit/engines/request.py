"""What any engine is asked to answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clusterkit.errors import UsageError


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

    @property
    def longest_prompt_bytes(self) -> int:
        """The size of the longest prompt, each of whose tokens is a byte or more."""
        return max(len(prompt.encode()) for prompt in self.prompts)

    def __post_init__(self) -> None:
        if problems := list(_problems(self)):
            raise UsageError("\n".join(problems))


def _problems(request: GenerateRequest) -> Iterator[str]:
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

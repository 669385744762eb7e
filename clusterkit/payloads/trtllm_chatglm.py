"""What the run.py of ChatGLM printed, up to 0.6: prompts as they were asked, in blocks."""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple, Sequence  # noqa: UP035 - Python 3.8

_STARS = "*" * 39
_LENGTH = r" ---> len=(\d+)\n"
_FINISHED = re.compile(r"\nFinished(?:!| from worker \d+)\s*\Z")
_RULES = re.compile(r"(?:\n#{8,}|\s)+\Z")


class Printed(NamedTuple):
    """An answer as it was printed. ``prompt_text`` is what the model got."""

    prompt: int
    prompt_text: str
    text: str
    prompt_tokens: int | None = None


def starred(text: str, prompts: Sequence[str]) -> Iterator[Printed]:
    """Of 0.5: one prompt, in a block between rows of stars."""
    head = f"{_STARS}\nInput --->\n {prompts[0]}\nOutput --->\n "
    _, found, rest = text.partition(head)
    if found:
        yield Printed(0, prompts[0], rest.rpartition(f"\n{_STARS}")[0])


def ruled(text: str, prompts: Sequence[str], beams: int) -> Iterator[Printed]:
    """Of 0.6: every prompt with its number and length; of several beams, the first counts."""
    text = _FINISHED.sub("\n", text + "\n")
    heads = [_head(text, number, prompt) for number, prompt in enumerate(prompts)]
    for number, head in enumerate(heads):
        if head is None:
            return
        after = [each.start() for each in heads[number + 1 :] if each is not None]
        body = text[head.end() : min(after) if after else len(text)]
        if beams > 1:
            body = re.split(rf"^  Beam  1{_LENGTH}", body, maxsplit=1, flags=re.MULTILINE)[0]
        yield Printed(number, prompts[number], _RULES.sub("", body), int(head.group(1)))


def _head(text: str, number: int, prompt: str) -> re.Match[str] | None:
    """Everything from the prompt's mark to its answer; the prompt in it tells it from answers."""
    pattern = (
        rf"^Input  {number:2d}{_LENGTH}{re.escape(prompt)}\s*\n(?:#+\n)?"
        rf"\s*^Output {number:2d} --->\n(?:#+\n)?\s*^  Beam  0{_LENGTH}"
    )
    return re.search(pattern, text, flags=re.MULTILINE)

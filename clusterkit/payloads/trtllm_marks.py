"""Texts between the marks that run.py prints; a text may have what looks like a mark."""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple, Sequence, Tuple  # noqa: UP035 - Python 3.8

from clusterkit.payloads.trtllm_chatglm import Printed

Place = Tuple[int, int]  # noqa: UP006 - evaluated, on Python 3.8 too


class Mark(NamedTuple):
    """What is printed in front of a text: of prompt number ``prompt``, or of its answer."""

    text: str
    prompt: int
    is_input: bool
    is_first: bool = True


def marks_of(format_: str, prompts: int, beams: int, sequences: int) -> Iterator[Mark]:
    """Every mark of one print, in order."""
    for number in range(prompts):
        if format_ != "indexed":
            yield Mark('Input: "', number, True)
            for beam in range(beams):
                among = f"(beam: {beam})" if format_ == "beamed" and beams > 1 else ""
                yield Mark(f'Output{among}: "', number, False, beam == 0)
            continue
        yield Mark(f'Input [Text {number}]: "', number, True)
        for place in range(sequences * beams):
            sequence, beam = divmod(place, beams)
            among = f" Seq {sequence}" if sequences > 1 else ""
            text = f'Output [Text {number}{among} Beam {beam}]: "'
            yield Mark(text, number, False, place == 0)


def between_marks(text: str, marks: list[Mark], prompts: Sequence[str]) -> Iterator[Printed]:
    """What stands behind each mark, up to the last quote before the next."""
    places = places_of(text, marks, prompts)
    asked = ""
    for index, (_, begin) in enumerate(places):
        until = places[index + 1][0] if index + 1 < len(places) else len(text)
        end = text.rfind('"', begin, until)
        body = text[begin : end if end >= 0 else until]
        if marks[index].is_input:
            asked = body
        elif marks[index].is_first:
            yield Printed(marks[index].prompt, asked, body)


def places_of(text: str, marks: list[Mark], prompts: Sequence[str]) -> list[Place]:
    """Where each mark begins and ends, up to the first that is not there."""
    first = text.find(marks[0].text)
    if first < 0:
        return []
    places = [(first, first + len(marks[0].text))]
    for index, mark in enumerate(marks[1:], 1):
        seen = _seen(mark, text, places[-1][1])
        if not seen:
            break
        before = marks[index - 1]
        if before.is_input:
            places.append(_answer_place(mark, text, places[-1][1], prompts[before.prompt]))
        elif mark.is_input:
            places.append(_asking(text, seen, marks[index + 1], prompts[mark.prompt]))
        else:
            places.append(seen[0])
    return places


def _seen(mark: Mark, text: str, begin: int) -> list[Place]:
    """Where a mark may be."""
    pattern = _pattern(mark, text, begin)
    return [(each.start(1), each.end()) for each in pattern.finditer(text, begin)]


def _pattern(mark: Mark, text: str, begin: int) -> re.Pattern[str]:
    """The mark on a line of its own, after the quote that ends the text before it.

    If it is nowhere there, then at the beginning of any line, and else anywhere.
    """
    patterns = [
        re.compile(f"{before}({re.escape(mark.text)})") for before in (r'(?<=")\n+', r"\n", "")
    ]
    return next((each for each in patterns if each.search(text, begin)), patterns[-1])


def _answer_place(mark: Mark, text: str, begin: int, prompt: str) -> Place:
    """Where the answer's mark is behind a prompt, which may itself have what looks like it."""
    seen = _seen(mark, text, begin)
    alike = len(_pattern(mark, text, begin).findall(f'"{prompt}'))
    return seen[min(alike, len(seen) - 1)]


def _asking(text: str, seen: list[Place], then: Mark, prompt: str) -> Place:
    """Of places that look like the next prompt's, the one that is followed by that prompt."""
    wanted = _squeezed(prompt)
    fitting = []
    for place in seen:
        is_answered = bool(_seen(then, text, place[1]))
        until = _answer_place(then, text, place[1], prompt)[0] if is_answered else len(text)
        if wanted in _squeezed(text[place[1] : until]):
            fitting.append((until - place[1], -place[0], place))
    return min(fitting)[2] if fitting else seen[0]


def _squeezed(text: str) -> str:
    """Without what tokenizers change: spaces and capitals."""
    return "".join(text.split()).casefold()

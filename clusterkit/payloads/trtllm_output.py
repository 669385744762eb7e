"""Read the answers out of what TensorRT-LLM's run.py prints: raw text between marks, unescaped.

Texts have newlines and quotes, and may look like marks themselves. What is known decides: the
order of the marks, and the prompts that were asked. The formats, by what prints them:

    indexed   0.7 and later: Input [Text 0]: "…", Output [Text 0 Beam 0]: "…"; from 0.14 on
              Output [Text 0 Seq 0 Beam 0]: "…" where several sequences are returned
    quoted    llama and gpt up to 0.6: Input: "…", Output: "…"
    beamed    qwen of 0.6: the same, but Output(beam: 0): "…" where there are several beams
    starred   chatglm2 of 0.5: Input --->, Output --->, between rows of stars
    ruled     chatglm of 0.6: Input   0 ---> len=…, Output  0 --->, Beam  0 ---> len=…
"""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple, Sequence, Tuple  # noqa: UP035 - Python 3.8

from clusterkit.payloads.trtllm_chatglm import Printed, ruled, starred
from clusterkit.payloads.trtllm_log_lines import version_in, without_log

Place = Tuple[int, int]  # noqa: UP006 - evaluated, on Python 3.8 too


class Output:
    """Takes the lines of rank 0 as they come.

    With ``streams`` all prompts are printed anew every few tokens, and the last print counts:
    ``latest`` is the last that was printed whole.
    """

    def __init__(
        self,
        format_: str,
        prompts: Sequence[str],
        *,
        beams: int = 1,
        sequences: int = 1,
        streams: bool = False,
    ) -> None:
        self._format, self._prompts, self._beams = format_, prompts, beams
        self._marks = list(_marks(format_, len(prompts), beams, sequences))
        self._streams = streams and format_ == "indexed"
        self._lines: list[str] = []
        self._raw: list[str] = []
        self._header: list[str] = []
        self.latest: list[Printed] = []
        self.version: str | None = None
        self.cut_at: int | None = None

    def feed(self, line: str) -> list[str]:
        """Take one line; what belongs into the log now: of prints that come anew, nothing."""
        self.version = self.version or version_in(line)
        kept = without_log(line)
        if kept is None:
            return [line]
        if not self._lines and (cut := re.match(r"Truncate input_length as (\d+)", kept)):
            self.cut_at = int(cut.group(1))
        if not self._streams:
            self._lines.append(kept)
            return [line]
        if not self._raw and self._marks[0].text not in line:
            return [line]
        self._lines.append(kept)
        self._raw.append(line)
        if line.startswith(self._marks[1].text):
            self._look_for_header()
        return []

    def end(self) -> list[str]:
        """What belongs into the log when there are no more lines."""
        return self._raw

    def answers(self) -> list[Printed]:
        """The answers, in the order of the prompts, as far as they were printed."""
        text = "\n".join(self._lines)
        if self._format == "starred":
            return list(starred(text, self._prompts))
        if self._format == "ruled":
            return list(ruled(text, self._prompts, self._beams))
        return list(_between_marks(text, self._marks, self._prompts))

    def _look_for_header(self) -> None:
        """Begin a new print where the lines end as the first one began: with the same input."""
        begun = self._header
        if not begun:
            found = _places("\n".join(self._lines), self._marks, self._prompts)
            if len(found) > 1:
                self._header = "\n".join(self._lines)[found[0][0] : found[1][1]].split("\n")
            return
        count = len(begun)
        if len(self._lines) <= count or self._lines[-count:-1] != begun[:-1]:
            return
        before = self._lines[-count - 1]
        if before and not before.endswith('"'):
            return
        again, raw = self._lines[-count:], self._raw[-count:]
        self._lines = self._lines[:-count]
        self.latest = self.answers()
        self._lines, self._raw = again, raw


class Mark(NamedTuple):
    """What is printed in front of a text: of prompt number ``prompt``, or of its answer."""

    text: str
    prompt: int
    is_input: bool
    is_first: bool = True


def _marks(format_: str, prompts: int, beams: int, sequences: int) -> Iterator[Mark]:
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


def _between_marks(text: str, marks: list[Mark], prompts: Sequence[str]) -> Iterator[Printed]:
    """What stands behind each mark, up to the last quote before the next."""
    places = _places(text, marks, prompts)
    asked = ""
    for index, (_, begin) in enumerate(places):
        until = places[index + 1][0] if index + 1 < len(places) else len(text)
        end = text.rfind('"', begin, until)
        body = text[begin : end if end >= 0 else until]
        if marks[index].is_input:
            asked = body
        elif marks[index].is_first:
            yield Printed(marks[index].prompt, asked, body)


def _places(text: str, marks: list[Mark], prompts: Sequence[str]) -> list[Place]:
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
    pattern = _pattern(mark, text, begin)
    seen = [(each.start(1), each.end()) for each in pattern.finditer(text, begin)]
    alike = len(pattern.findall(f'"{prompt}'))
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

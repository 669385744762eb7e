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
from typing import Sequence  # noqa: UP035 - Python 3.8

from clusterkit.payloads.trtllm_chatglm import Printed, ruled, starred
from clusterkit.payloads.trtllm_log_lines import version_in, without_log
from clusterkit.payloads.trtllm_marks import between_marks, marks_of, places_of


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
        self._marks = list(marks_of(format_, len(prompts), beams, sequences))
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
        return list(between_marks(text, self._marks, self._prompts))

    def _look_for_header(self) -> None:
        """Begin a new print where the lines end as the first one began: with the same input."""
        begun = self._header
        if not begun:
            found = places_of("\n".join(self._lines), self._marks, self._prompts)
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

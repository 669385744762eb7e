"""Tell what run.py answers, as far as it can be known from what it prints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from clusterkit.payloads.generate_events import tell
from clusterkit.payloads.rank_child import write_line
from clusterkit.payloads.trtllm_output import Output
from clusterkit.payloads.trtllm_words import dtype_in, seed_in

_HALF = "\ufffd"  # a character of which not all tokens have come


class Teller:
    """Listens to rank 0. What is told of a prompt by and by, put together, is its answer."""

    def __init__(self, output: Output, order: dict[str, Any], words: list[str]) -> None:
        self._output, self._order = output, order
        self._seed, self._dtype = seed_in(words), dtype_in(words)
        self._end_mark = _end_mark(Path(order["tokenizer"]))
        self._told: dict[int, str] = {}

    def take(self, line: str) -> list[str]:
        """Take a line, tell what it adds; return the lines that belong into the log now."""
        before, lines = self._output.latest, self._output.feed(line)
        if self._output.latest is not before:
            for printed in self._output.latest:
                self._tell(printed.prompt, self._shown(printed.text).rstrip(_HALF))
        return lines

    def finish(self, code: int) -> int:
        """Tell the answers of a run that ended well; the exit code to end with."""
        for line in self._output.end():
            write_line(1, line.encode())
        if code == 0 and self._output.cut_at is not None:
            tell(
                event="error",
                rank=0,
                message=f"run.py cut a prompt to {self._output.cut_at} tokens, the most that the "
                "engine takes: do not use the answer. Fix: a shorter prompt, or "
                "engine.max_input_len",
            )
            return 1
        if code:
            return code
        for printed in self._output.answers():
            text = self._shown(printed.text)
            self._tell(printed.prompt, text)
            tell(
                event="answer",
                prompt=printed.prompt,
                prompt_text=printed.prompt_text,
                text=text,
                prompt_tokens=printed.prompt_tokens,
                seed=self._seed,
            )
        version = self._output.version or self._order["tensorrt_llm"]
        tell(event="done", versions={"tensorrt_llm": version}, dtype=self._dtype)
        return 0

    def _tell(self, prompt: int, text: str) -> None:
        """Tell what was added; where what was told is not how it now begins, nothing."""
        told = self._told.get(prompt, "")
        if text.startswith(told) and len(text) > len(told):
            tell(event="token", prompt=prompt, text=text[len(told) :])
            self._told[prompt] = text

    def _shown(self, text: str) -> str:
        """An answer without the marks of its end: old versions print them up to the length."""
        return self._end_mark.sub("", text) if self._end_mark else text


def _end_mark(tokenizer: Path) -> re.Pattern[str] | None:
    """What the tokenizer's end-of-sequence token looks like at an answer's end, if it is told."""
    try:
        config = json.loads((tokenizer / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    mark = config.get("eos_token") if isinstance(config, dict) else None
    text = mark.get("content") if isinstance(mark, dict) else mark
    return re.compile(rf"(?:{re.escape(text)}\s*)+\Z") if isinstance(text, str) and text else None

"""Tell TensorRT-LLM's log apart from its answers: both come on stdout."""

from __future__ import annotations

import re

# Python's logger, with the time in front, and C++'s; TensorRT speaks through both.
_LOG = (
    r"\[\d\d/\d\d/\d{4}-\d\d:\d\d:\d\d\] \[TRT(?:-LLM|LLM)?\]"
    r"|\[TensorRT-LLM\]\[(?:TRACE|DEBUG|INFO|WARNING|ERROR)\]"
    r"|\[TRT-?LLM\] ?\[(?:RANK \d+|[VDIWE])\]"
)
_STARTS = re.compile(_LOG)
# Two writers share the pipe: a log line may come between an answer's end and its newline.
_GLUED = re.compile(rf'(?<=")(?:{_LOG}).*')
# 0.8.0 prints it without a newline, so that the next line is glued to it.
_BANNER = re.compile(
    r"\[TensorRT-LLM\] TensorRT[- ]LLM version: (\d+\.\d+\.\d+(?:\.?(?:a|b|rc|dev|post)\d+)*)"
)


def without_log(line: str) -> str | None:
    """The part of a line that is no log; None: all of it is."""
    if _STARTS.match(line):
        return None
    return _GLUED.sub("", line)


def version_in(line: str) -> str | None:
    """The version of TensorRT-LLM, if the line is where it says so when it is imported."""
    found = _BANNER.match(line)
    return found.group(1) if found else None

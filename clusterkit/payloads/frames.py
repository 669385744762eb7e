"""Read where a Python program hangs from what py-spy and faulthandler write."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MOST = 3
# py-spy: `    name (file:line)` below `Thread PID (idle): "MainThread"`.
_PY_SPY_THREAD = re.compile(r"^Thread \S+ \([^)]*\)(?:: \"(?P<name>[^\"]*)\")?$")
_PY_SPY_FRAME = re.compile(r"^ {4}(?P<name>\S.*) \((?P<file>[^()]+):(?P<line>\d+)\)$")
# faulthandler: `  File "file", line N in name` below `Current thread 0x… (most recent …):`
_FAULT_THREAD = re.compile(r"^(?P<current>Current thread|Thread) 0x[0-9a-f]+.*:$")
_FAULT_FRAME = re.compile(r"^ {2}File \"(?P<file>[^\"]+)\", line (?P<line>\d+) in (?P<name>.+)$")
# Waits for the program that it runs: the frames of that one say more.
_WAITS_FOR_ANOTHER = "rank_child.py"


def innermost(lines: Iterable[str]) -> tuple[str, ...]:
    """The innermost frames of the main thread, as ``name (file:line)``; none: there is no trace.

    Of several programs, the first that does not only wait for another.
    """
    stacks = list(_stacks(lines))
    for stack in stacks:
        if not any(_WAITS_FOR_ANOTHER in frame for frame in stack):
            return stack[:_MOST]
    return stacks[0][:_MOST] if stacks else ()


def _stacks(lines: Iterable[str]) -> Iterable[tuple[str, ...]]:
    """The frames of each main thread, in their order."""
    stack: list[str] = []
    wanted = False
    for line in (*lines, ""):
        frame = _PY_SPY_FRAME.match(line) or _FAULT_FRAME.match(line)
        if frame and wanted:
            file = frame["file"].rpartition("/")[2]
            stack.append(f"{frame['name']} ({file}:{frame['line']})")
            continue
        if stack:
            yield tuple(stack)
            stack = []
        if py_spy := _PY_SPY_THREAD.match(line):
            wanted = py_spy["name"] in (None, "MainThread")
        elif fault := _FAULT_THREAD.match(line):
            wanted = fault["current"] == "Current thread"
        elif not frame:
            wanted = False

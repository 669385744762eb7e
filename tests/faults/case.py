"""What one case is, and what came of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

Done = subprocess.CompletedProcess[str]
Breaks = Callable[[Any], AbstractContextManager[object]]
"""Takes the room; the fault is there within the context, and undone behind it."""


@dataclass(frozen=True)
class Case:
    """A fault while a verb runs, or before it starts.

    ``words`` are those of the verb. ``first`` is what it needs before. ``moment``: the fault
    comes once the verb has printed this, or once this is so; None: it is there before the verb
    starts. ``names``: a pattern that the message must have; None: the verb must succeed, or there
    is nobody to be told. ``codes``: the exit codes that are right. ``within_s``: from the fault,
    or from the start of the verb where that comes later, to the message, or to the end.
    ``second``: what a second try is, where that is not the same verb. ``is_gone``: the verb takes
    the cluster away. ``keeps``: a pattern of what stays by design.
    ``own_engine``: it needs a Docker engine that may be stopped.
    """

    fault: str
    verb: str
    words: tuple[object, ...]
    breaks: Breaks
    names: str | None
    codes: tuple[int, ...]
    moment: str | Callable[[Any], bool] | None = None
    first: Callable[[Any], None] | None = None
    within_s: float = 10.0
    second: tuple[object, ...] | Callable[[Any], Done] | None = None
    is_gone: bool = False
    keeps: str | None = None
    is_quick: bool = False
    own_engine: bool = False

    @property
    def name(self) -> str:
        """As it is named on the command line: ``rank-sigkilled-infer``."""
        text = re.sub(r"[^a-z0-9]+", "-", f"{self.fault} {self.verb}".lower())
        return text.strip("-")


@dataclass
class Outcome:
    """What came of a case. ``wrong`` says why it is not as it must be; empty: it passed."""

    case: Case
    took_s: float | None = None
    code: int | None = None
    when: str = ""
    said: str = ""
    left: list[str] = field(default_factory=list)
    second: str = "-"
    wrong: list[str] = field(default_factory=list)

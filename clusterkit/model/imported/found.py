"""What a file of another program says of machines, and what of it cannot be taken over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from clusterkit.errors import FileMistakes
from clusterkit.model.ssh_nodes import ANY_ACCESS, Access

MOST_HOSTS = 10_000


class Line(NamedTuple):
    """A line of a file."""

    file: str
    number: int

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


@dataclass(frozen=True, slots=True)
class FoundHost:
    """One machine as the file has it. ``host`` None: it is reached by its name."""

    name: str
    line: Line
    host: str | None = None
    address: str | None = None
    access: Access = ANY_ACCESS
    slots: int | None = None
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """All machines and groups of a file, by the names that it gives them."""

    hosts: tuple[FoundHost, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


@dataclass(slots=True)
class Remarks:
    """What is to be said of a file: notes of what is left out or changed, and mistakes.

    What is said of many lines in the same words is said once, with all of them.
    """

    notes: dict[tuple[str, str, str], list[int]] = field(default_factory=dict)
    mistakes: list[tuple[Line, str]] = field(default_factory=list)

    def note(self, line: Line, what: str, fix: str) -> None:
        """Say what of a line is not taken over as it is."""
        numbers = self.notes.setdefault((line.file, what, fix), [])
        if line.number not in numbers:
            numbers.append(line.number)

    def mistake(self, line: Line, what: str, fix: str) -> None:
        """Say what is wrong with a line."""
        text = f"{line}: {what}. Fix: {fix}"
        if (line, text) not in self.mistakes:
            self.mistakes.append((line, text))

    def texts(self) -> tuple[str, ...]:
        """Every note as ``file:line: what. Fix: …``, by file and line."""
        said = sorted(self.notes.items(), key=lambda note: (note[0][0], note[1][0]))
        return tuple(
            f"{file}:{numbers[0]}: {what}{_also(numbers[1:])}. Fix: {fix}"
            for (file, what, fix), numbers in said
        )

    def check(self) -> None:
        """Raise FileMistakes with every mistake, if there is one."""
        if self.mistakes:
            raise FileMistakes([text for _, text in sorted(self.mistakes)])


def _also(numbers: list[int]) -> str:
    if not numbers:
        return ""
    shown = ", ".join(map(str, numbers[:5])) + (", …" if len(numbers) > 5 else "")
    return f" (also line{'s' if len(numbers) > 1 else ''} {shown})"


def whole_number(
    text: str, what: str, line: Line, remarks: Remarks, *, most: int = 1_000_000
) -> int | None:
    """``text`` as a number from 1 on; None, and a mistake, if it is none."""
    if re.fullmatch(r"\d{1,9}", text) and 1 <= int(text) <= most:
        return int(text)
    remarks.mistake(line, f"{what}: `{text}` is no number from 1 to {most}", f"correct {what}")
    return None

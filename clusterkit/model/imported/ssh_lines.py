"""The lines of an ssh configuration: files that it includes are read, Match blocks left out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from clusterkit.model.imported.found import Line, Remarks

_SETTING = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*$")
_DEEPEST = 16  # as ssh has it
_ASKS_DNS = ("canonicalizehostname", "canonicaldomains")


@dataclass(slots=True)
class Configuration:
    """One text without Include and Match; where each Host and each setting stands."""

    text: list[str] = field(default_factory=list[str])
    hosts: dict[str, Line] = field(default_factory=dict[str, Line])
    settings: list[tuple[str, Line]] = field(default_factory=list[tuple[str, Line]])


def read_lines(
    file: str, text: str, remarks: Remarks, read: Callable[[Path], str] | None
) -> Configuration:
    """Everything that holds, in its order. ``read`` gives included texts; None: there are none."""
    made = Configuration()
    _Reader(made, remarks, Path(file).parent, read).read(file, text, within=("*",), depth=0)
    return made


@dataclass(frozen=True, slots=True)
class _Reader:
    made: Configuration
    remarks: Remarks
    folder: Path
    read_file: Callable[[Path], str] | None

    def read(self, file: str, text: str, *, within: tuple[str, ...] | None, depth: int) -> None:
        """Add the lines of one file. ``within``: the Host that they stand in; None: a Match."""
        for number, content in enumerate(text.splitlines(), 1):
            if not content.strip() or content.lstrip().startswith("#"):
                continue
            line = Line(file, number)
            setting = _SETTING.match(_uncommented(content))
            words = _words(setting[2]) if setting else None
            if setting is None or not words:
                fix = "write `Keyword value`, and close every quote"
                self.remarks.mistake(line, f"`{content.strip()}` is no setting", fix)
                continue
            keyword = setting[1].lower()
            if keyword == "match":
                within = self._match(line, words)
            elif keyword == "host":
                within = words
                self.made.text.append(f"Host {shlex.join(words)}")
                for pattern in words:
                    if not re.search(r"[*?!]", pattern):
                        self.made.hosts.setdefault(pattern, line)
            elif keyword == "include":
                self._include(words, line, within, depth)
            elif within is not None and keyword not in _ASKS_DNS:
                self.made.text.append(_uncommented(content))
                self.made.settings.append((setting[1], line))

    def _match(self, line: Line, words: tuple[str, ...]) -> tuple[str, ...] | None:
        if tuple(word.lower() for word in words) == ("all",):
            self.made.text.append("Host *")
            return ("*",)
        what = f"`Match {' '.join(words)}` and its settings are left out"
        fix = "ssh itself decides what it means: write what you need of it into the inventory"
        self.remarks.note(line, what, fix)
        return None

    def _include(
        self, patterns: tuple[str, ...], line: Line, within: tuple[str, ...] | None, depth: int
    ) -> None:
        """The lines of other files; a Host in one ends with it."""
        if self.read_file is None:
            what = f"the files of Include {' '.join(patterns)} are not read"
            self.remarks.note(line, what, "import the file itself, not its text from stdin")
            return
        if depth >= _DEEPEST:
            self.remarks.mistake(line, "files include one another without end", "take one out")
            return
        try:
            paths = list(_included(self.folder, patterns))
        except (ValueError, RuntimeError):
            what = f"`{' '.join(patterns)}` names no files"
            self.remarks.mistake(line, what, "write paths, with `*` within a name at most")
            return
        for path in paths:
            self.read(str(path), self.read_file(path), within=within, depth=depth + 1)
            if within is not None:
                self.made.text.append(f"Host {shlex.join(within)}")


def _uncommented(content: str) -> str:
    """A line without the comment at its end; `#` within quotes or a word is none."""
    found = re.match(r'(?:"[^"]*"|\s(?!#)|[^"\s]|"[^"]*$)*', content)
    return found[0] if found else content


def _words(text: str) -> tuple[str, ...] | None:
    """The words of a value, which only double quotes hold together; None: one is not closed."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.quotes, lexer.escape, lexer.commenters = True, '"', "", ""
    try:
        return tuple(lexer)
    except ValueError:
        return None


def _included(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    """The files of an Include; relative ones lie beside the file that is imported."""
    for pattern in patterns:
        path = (folder / Path(pattern).expanduser()).absolute()
        found = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
        yield from (each for each in found if each.is_file())

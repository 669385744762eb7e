"""A YAML file as plain values, with the line of every key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clusterkit.errors import FileMistakes
from clusterkit.model.mistakes import Mistake, Place

_MOST_VALUES = 100_000
_DEEPEST = 50


@dataclass(slots=True)
class Source:
    """What a file says, the line of each place in it, and what is wrong with it as YAML."""

    path: Path
    value: Any = None
    lines: dict[Place, int] = field(default_factory=dict[Place, int])
    mistakes: list[tuple[int, Mistake]] = field(default_factory=list[tuple[int, Mistake]])

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest one above that the file has."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def report(self, mistakes: list[Mistake]) -> None:
        """Raise :class:`FileMistakes` with these and the file's own mistakes, by line."""
        found = [*self.mistakes, *((self.line(each.place), each) for each in mistakes)]
        if found:
            found.sort(key=lambda entry: entry[0])
            raise FileMistakes([f"{self.path}:{line}: {each}" for line, each in found])


def read_yaml(path: Path, text: str | None = None) -> Source:
    """Read one YAML 1.2 file; its ``text``, where that was read before.

    Keys that are written twice are noted in the source's ``mistakes``, so that they are reported
    together with the others.

    Raises:
        FileMistakes: If there is no such file, or it is no YAML at all.
    """
    # ruamel.yaml takes 25 ms to import; verbs that read no file should not pay for it.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    text = read_text(path) if text is None else text
    source = Source(path)
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
        source.value = (
            None if root is None else _Reader(yaml.constructor, source).read(root, (), 0)
        )
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _not_yaml(path, mark.line + 1 if mark else 1, error.problem) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _not_yaml(path, line, "a character that YAML does not allow") from None
    except (YAMLError, ValueError) as error:
        raise _not_yaml(path, 1, str(error).partition("\n")[0]) from None
    return source


def read_text(path: Path) -> str:
    """The text of a file that the user names.

    Raises:
        FileMistakes: If it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        what, fix = "no such file", "check the path"
    except IsADirectoryError:
        what, fix = "is a folder", "name the file in it"
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = f"{path}:{line}: is not UTF-8 text. Fix: save the file as UTF-8"
        raise FileMistakes([problem]) from None
    except OSError as error:
        what = f"cannot be read ({(error.strerror or str(error)).lower()})"
        fix = "check the path and its permissions"
    raise FileMistakes([f"{path}: {what}. Fix: {fix}"])


def _not_yaml(path: Path, line: int, problem: str | None) -> FileMistakes:
    words = " ".join((problem or "cannot be read").split()).rstrip(".")
    fix = "check quotes, brackets and indentation on this line and the one before"
    return FileMistakes([f"{path}:{line}: not YAML: {words}. Fix: {fix}"])


class _Reader:
    """Turns ruamel's nodes, which know their lines, into plain values."""

    def __init__(self, constructor: Any, source: Source) -> None:
        self._constructor = constructor
        self._source = source
        self._count = 0

    def read(self, node: Any, place: Place, depth: int) -> Any:
        """The value of a node; lines of what is below it are noted."""
        self._count += 1
        if self._count > _MOST_VALUES or depth > _DEEPEST:
            raise ValueError("its aliases repeat without end")
        self._source.lines.setdefault(place, node.start_mark.line + 1)
        match node.id:
            case "mapping":
                return self._mapping(node, place, depth)
            case "sequence":
                return [self.read(n, (*place, i), depth + 1) for i, n in enumerate(node.value)]
            case _:
                value = self._constructor.construct_object(node)
                plain = isinstance(value, str | int | float | None)
                return value if plain else node.value  # dates and the like stay text

    def _mapping(self, node: Any, place: Place, depth: int) -> Mapping[str, Any]:
        values: dict[str, Any] = {}
        for key, value in node.value:
            if _is_merge(key):
                continue
            name = key.value if isinstance(key.value, str) else ""
            line = key.start_mark.line + 1
            if not name:
                self._note(line, place, "a key here is not text", "write a plain name")
            elif name in values:
                before = self._source.lines[(*place, name)]
                what = f"is already on line {before}"
                self._note(line, (*place, name), what, "join the two, or take one out")
            else:
                self._source.lines[(*place, name)] = line
                values[name] = self.read(value, (*place, name), depth + 1)
        for merged in self._merged(node):
            for name, value in self.read(merged, (*place, "<<"), depth + 1).items():
                values.setdefault(name, value)
        return values

    def _merged(self, node: Any) -> Iterator[Any]:
        """The mappings that ``<<`` brings in."""
        for key, value in node.value:
            if _is_merge(key):
                chosen = value.value if value.id == "sequence" else [value]
                for merged in chosen:
                    if merged.id != "mapping":
                        raise ValueError(f"`<<` on line {key.start_mark.line + 1} needs a mapping")
                    yield merged

    def _note(self, line: int, place: Place, what: str, fix: str) -> None:
        self._source.mistakes.append((line, Mistake(place, what, fix)))


def _is_merge(key: Any) -> bool:
    return bool(key.tag == "tag:yaml.org,2002:merge")

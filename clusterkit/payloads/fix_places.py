"""Where the sources of TensorRT-LLM assume 8 GPUs per node, found by their syntax tree."""

from __future__ import annotations

import ast
import platform
import re
from collections.abc import Iterator
from typing import NamedTuple

ASSUMED = 8
MARK = "# clusterkit fix: gpus_per_node"
_NAME = "gpus_per_node"
_MARKED = re.compile(rb"# clusterkit fix: gpus_per_node was .*?, is (\d+)$", re.MULTILINE)
_LINE_END = re.compile(rb"\r\n|\r|\n")


class Place(NamedTuple):
    """One edit: the bytes from ``start`` to ``end`` become ``text``, on line ``line``.

    ``was`` says what stood there, for the comment.
    """

    line: int
    start: int
    end: int
    text: str
    was: str


def patched(source: bytes, kind: str, number: int) -> bytes | None:
    """The source with ``number`` in its places, each marked; None: it has none of that kind.

    ``kind`` is ``mapping`` (the default of the constructors) or ``runner`` (calls of
    `WorldConfig.mpi` that leave the number out).

    Raises:
        ValueError: If it is no Python, or would mean something else than what is wanted.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        python = platform.python_version()
        raise ValueError(f"it is no Python that {python} can read: {error}") from None
    starts = [0, *(found.end() for found in _LINE_END.finditer(source))]
    places = sorted(_places(tree, starts, kind, number), reverse=True)
    if not places:
        return None
    edited = source
    for place in places:
        edited = edited[: place.start] + place.text.encode() + edited[place.end :]
    edited = _marked(edited, {place.line: place.was for place in places}, number)
    if _meaning(edited) != ast.dump(_wanted(tree, kind, number)):
        raise ValueError("its lines are laid out in a way that cannot be edited safely")
    return edited


def lines_marked(source: bytes) -> tuple[list[int], list[int]]:
    """The lines that carry our mark, and the numbers that they tell."""
    lines, numbers = [], []
    for line, text in enumerate(_LINE_END.split(source), 1):
        found = _MARKED.search(text)
        if found:
            lines.append(line)
            numbers.append(int(found.group(1)))
    return lines, numbers


def _places(tree: ast.AST, starts: list[int], kind: str, number: int) -> Iterator[Place]:
    if kind == "mapping":
        for default in _defaults(tree):
            start = starts[default.lineno - 1] + default.col_offset
            yield Place(default.lineno, start, _end(default, starts), str(number), str(ASSUMED))
        return
    for call in _calls(tree):
        opens = _end(call.func, starts) + 1  # after the parenthesis; the comparison finds others
        more = ", " if call.keywords else ""
        line = call.func.end_lineno or call.lineno
        yield Place(line, opens, opens, f"{_NAME}={number}{more}", "absent")


def _end(node: ast.expr, starts: list[int]) -> int:
    """Where a part of the tree ends, which knows its line, from 1, and its column in bytes."""
    return starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)


def _defaults(tree: ast.AST) -> Iterator[ast.Constant]:
    """The 8 in ``gpus_per_node=8`` of each constructor of a mapping."""
    for constructor in _constructors(tree):
        given = constructor.args
        positional = [*given.posonlyargs, *given.args]
        names = [*positional[len(positional) - len(given.defaults) :], *given.kwonlyargs]
        values = [*given.defaults, *given.kw_defaults]
        for argument, value in zip(names, values):  # noqa: B905 - Python 3.8
            if not isinstance(value, ast.Constant) or argument.arg != _NAME:
                continue
            if value.value == ASSUMED:
                yield value


def _constructors(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    for kind in ast.walk(tree):
        if not isinstance(kind, ast.ClassDef) or kind.name not in ("Mapping", "MappingBase"):
            continue
        for function in kind.body:
            if isinstance(function, ast.FunctionDef) and function.name == "__init__":
                yield function


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls of ``WorldConfig.mpi`` that leave the number to C++, where it is the first."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        owner = call.func.value
        name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", None)
        tells = call.args or {keyword.arg for keyword in call.keywords} & {_NAME, None}
        if (name, call.func.attr) == ("WorldConfig", "mpi") and not tells:
            yield call


def _marked(source: bytes, lines: dict[int, str], number: int) -> bytes:
    """A comment at the end of each line that was edited; line ends stay as they are."""
    starts = [0, *(found.end() for found in _LINE_END.finditer(source))]
    for line in sorted(lines, reverse=True):
        found = _LINE_END.search(source, starts[line - 1])
        end = found.start() if found else len(source)
        mark = f"  {MARK} was {lines[line]}, is {number}".encode()
        source = source[:end] + mark + source[end:]
    return source


def _meaning(source: bytes) -> str:
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return ""


def _wanted(tree: ast.AST, kind: str, number: int) -> ast.AST:
    """What the edited source must mean."""
    if kind == "mapping":
        for default in _defaults(tree):
            default.value = number
    else:
        for call in list(_calls(tree)):
            call.keywords.insert(0, ast.keyword(_NAME, ast.Constant(number, kind=None)))
    return tree

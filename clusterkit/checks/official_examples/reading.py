"""What a script and its modules do, from their syntax: nothing is run or imported."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Spot:
    """A piece of syntax and where it is. ``conditions`` are the tests that it is under."""

    file: str
    node: ast.AST
    conditions: tuple[str, ...] = ()
    is_tried: bool = False

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file}:{getattr(self.node, 'lineno', 1)}"


class Reading:
    """Everything that a start of the script reaches.

    That is its own statements, those of its modules, and the functions and classes they name.
    """

    def __init__(self, files: Mapping[str, ast.Module]) -> None:
        self.files = files

    @cached_property
    def spots(self) -> tuple[Spot, ...]:
        """Every piece of syntax that is reached."""
        definitions: dict[str, list[tuple[str, ast.AST]]] = {}
        for file, tree in self.files.items():
            for node in ast.walk(tree):
                if isinstance(node, _DEFINITIONS):
                    definitions.setdefault(node.name, []).append((file, node))
        waiting: list[tuple[str, ast.AST]] = list(self.files.items())
        seen: set[int] = set()
        found: list[Spot] = []
        main = next(iter(self.files), "")
        while waiting:
            file, root = waiting.pop(0)
            if id(root) in seen:
                continue
            seen.add(id(root))
            if isinstance(root, ast.ClassDef):
                waiting += [(file, each) for each in root.body if isinstance(each, _DEFINITIONS)]
            for spot in _walk(file, root, is_main=file == main):
                found.append(spot)
                if (name := _named(spot.node)) in definitions:
                    waiting += definitions[name]
        return tuple(found)

    def all(self, *kinds: type[ast.AST]) -> Iterator[Spot]:
        """The spots of some kinds of syntax."""
        return (spot for spot in self.spots if isinstance(spot.node, kinds))

    def calls(self, *names: str) -> Iterator[tuple[Spot, ast.Call]]:
        """The calls of functions and methods of these names."""
        for spot in self.spots:
            if isinstance(spot.node, ast.Call) and _named(spot.node.func) in names:
                yield spot, spot.node

    def imports(self) -> Iterator[tuple[Spot, str]]:
        """The modules that are imported, dotted, unless a failure to is caught."""
        for spot in self.all(ast.Import, ast.ImportFrom):
            if spot.is_tried:
                continue
            if isinstance(spot.node, ast.Import):
                yield from ((spot, alias.name) for alias in spot.node.names)
            elif isinstance(spot.node, ast.ImportFrom) and not spot.node.level:
                yield spot, spot.node.module or ""

    def environment(self) -> Iterator[tuple[Spot, str, ast.expr]]:
        """The variables of the environment that are set, with their values."""
        for spot in self.all(ast.Assign):
            assert isinstance(spot.node, ast.Assign)  # noqa: S101 - for the type
            for target in spot.node.targets:
                match target:
                    case ast.Subscript(
                        value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str(name))
                    ):
                        yield spot, name, spot.node.value
                    case _:
                        pass

    def unbound(self) -> Iterator[tuple[Spot, str]]:
        """Names that a module's own statements use and nothing in its file binds."""
        for file, tree in self.files.items():
            bound = set(_bound(tree)) | set(dir(builtins)) | _OF_MODULES
            if "*" in bound:
                continue
            for spot in _walk(file, tree, is_main=file == next(iter(self.files))):
                match spot.node:
                    case ast.Name(id=name, ctx=ast.Load()) if name not in bound:
                        if not spot.is_tried:
                            yield spot, name
                    case _:
                        pass


def read(files: Mapping[str, str]) -> Reading | None:
    """The script, which is the first, and its modules; None where one is no Python of ours."""
    try:
        return Reading({name: ast.parse(text, name) for name, text in files.items()})
    except (SyntaxError, ValueError):
        return None


def imported(text: str) -> set[str]:
    """The modules that a script's text imports anywhere, by their first names."""
    reading = read({"": text})
    names = [name for _, name in reading.imports()] if reading else []
    return {name.partition(".")[0] for name in names}


def words_of(node: ast.AST) -> str:
    """The syntax as it would be written."""
    return ast.unparse(node)


def constant(node: ast.AST | None) -> object:
    """The value of a constant, else None."""
    return node.value if isinstance(node, ast.Constant) else None


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_OF_MODULES = {"__file__", "__name__", "__doc__", "__package__", "__spec__", "__builtins__"}


def _walk(file: str, root: ast.AST, *, is_main: bool) -> Iterator[Spot]:
    """What runs when ``root`` does, but for the bodies of definitions in it."""

    def below(
        node: ast.AST, conditions: tuple[str, ...], is_tried: bool, is_root: bool
    ) -> Iterator[Spot]:
        if isinstance(node, _DEFINITIONS) and not is_root:
            return
        yield Spot(file, node, conditions, is_tried)
        if isinstance(node, ast.If):
            test = words_of(node.test)
            if "__name__" in test and not is_main:
                return
            yield from below(node.test, conditions, is_tried, False)
            for part in node.body:
                yield from below(part, (*conditions, test), is_tried, False)
            for part in node.orelse:
                yield from below(part, (*conditions, f"not ({test})"), is_tried, False)
            return
        for child in ast.iter_child_nodes(node):
            caught = isinstance(node, ast.Try) and child in node.body
            yield from below(child, conditions, is_tried or caught, False)

    yield from below(root, (), False, True)


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0]
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name
            case _:
                pass


def _named(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""

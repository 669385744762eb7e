"""A Python script that ranks run: a file from here, which travels with the job, or one there."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from clusterkit.checks.official_examples import MODULES, imported, is_official
from clusterkit.command import Command
from clusterkit.errors import UsageError
from clusterkit.executor import on_each, raise_failures
from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.node_sets import fold
from clusterkit.model.run_options import RunOptions
from clusterkit.transports.world import World

_MOST_BYTES = 16 << 20
"""What travels with a job goes through the head, and is kept in memory there."""


@dataclass(frozen=True, slots=True)
class Script:
    """``path`` is what Python is given in the job's folder, where ``files`` lie.

    ``is_there``: it is a path of the nodes, which nobody has looked at yet.
    """

    path: str
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)
    is_there: bool = False


def find_script(options: RunOptions, cluster: Cluster) -> Script:
    """The script that is meant: on the nodes if it is below their storage or not here, else ours.

    Raises:
        UsageError: If it is neither, or no Python, or too large to travel.
    """
    path = options.script
    is_there = path.is_absolute() and (_is_stored(path, cluster) or not os.path.lexists(path))
    mistakes = []
    try:
        content = b"" if is_there else _read_script(path)
    except UsageError as error:
        mistakes.append(str(error))
    try:
        extra = _read_all(options.files)
    except UsageError as error:
        mistakes.append(str(error))
    if mistakes:
        raise UsageError("\n".join(mistakes))
    if is_there:
        return Script(os.path.normpath(path), extra, is_there=True)
    if extra.get(path.name, content) != content:
        raise UsageError(f"the script and another file are called {path.name}. {_RENAME}")
    if is_official(path.name):
        extra = {**_modules_of(path, content), **extra}
    files = {**extra, path.name: content}
    if (size := sum(map(len, files.values()))) > _MOST_BYTES:
        raise UsageError(
            f"{size >> 20} MiB would travel with the job, and at most {_MOST_BYTES >> 20} may. "
            f"Fix: copy them with `clusterkit cp FILE @all:{cluster.storage.path}/`, and give "
            "that path"
        )
    return Script(_as_word(path.name), files)


def check_there(script: Script, nodes: Iterable[str], world: World) -> None:
    """Look at the script on every node of the job.

    Raises:
        UsageError: With the nodes that do not have it.
        NodesFailed: With the nodes that cannot be reached.
    """
    look = Command(("test", "-f", script.path), timeout_s=20.0)
    answers = on_each(list(nodes), lambda node: world.transport(node).run(look).ok)
    raise_failures(answers)
    missing = [node for node, is_file in answers.items() if not is_file]
    if missing:
        where = fold(missing)
        raise UsageError(
            f"{where}: there is no file {script.path}. Fix: copy it there (`clusterkit cp FILE "
            f"{where}:{script.path}`), or give the path of a file here"
        )


def check_syntax(script: Script, facts: Iterable[NodeFacts]) -> None:
    """Compile what travels, unless a node's Python is newer than ours and may know better.

    Raises:
        UsageError: With the first line that is no Python.
    """
    if any(_version(node.python_version) > sys.version_info[:2] for node in facts):
        return
    for name, content in script.files.items():
        if not name.endswith(".py") and _as_word(name) != script.path:
            continue
        try:
            with warnings.catch_warnings(action="ignore"):
                compile(content, name, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            where = f"{name}:{line}" if line else name
            what = str(getattr(error, "msg", error)).rstrip(".?")
            raise UsageError(f"{where}: no valid Python: {what}. Fix: correct it") from None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def _as_word(name: str) -> str:
    """What Python takes for a file, and not for an option."""
    return f"./{name}" if name.startswith("-") else name


def _is_stored(path: Path, cluster: Cluster) -> bool:
    place = PurePosixPath(os.path.normpath(path))
    return place.is_relative_to(cluster.storage.path)


def _modules_of(path: Path, content: bytes) -> dict[str, bytes]:
    """The modules beside an official example that it, or one of them, imports."""
    found: dict[str, bytes] = {}
    waiting = [content]
    while waiting:
        for name in imported(waiting.pop().decode(errors="replace")) & set(MODULES):
            beside = path.with_name(f"{name}.py")
            if beside.name not in found and beside.is_file():
                found[beside.name] = _read(beside)
                waiting.append(found[beside.name])
    return found


def _read_all(paths: Iterable[Path]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    mistakes: list[str] = []
    for path in paths:
        try:
            content = _read(path)
        except UsageError as error:
            mistakes.append(str(error))
            continue
        if found.setdefault(path.name, content) != content:
            mistakes.append(f"two files are called {path.name}. {_RENAME}")
    if mistakes:
        raise UsageError("\n".join(dict.fromkeys(mistakes)))
    return found


_RENAME = "They travel into one folder. Fix: rename one of them"


_IS_SCRIPT = {
    FileNotFoundError: "give the path of a file, or one on the nodes",
    IsADirectoryError: "give a Python file; others go with it by `--file`",
}
_IS_FILE = {FileNotFoundError: "check the path", IsADirectoryError: "name each of its files"}


def _read_script(path: Path) -> bytes:
    content = _read(path, _IS_SCRIPT)
    _check_python(path, content)
    return content


def _read(path: Path, fixes: Mapping[type[OSError], str] = _IS_FILE) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        what, fix = "there is no such file here", fixes[FileNotFoundError]
    except IsADirectoryError:
        what, fix = "it is a folder", fixes[IsADirectoryError]
    except OSError as error:
        what, fix = f"it cannot be read: {error.strerror}", "look at who may read it"
    raise UsageError(f"{path}: {what}. Fix: {fix}")


def _check_python(path: Path, content: bytes) -> None:
    """Refuse what no Python can run; newer syntax than ours is for the nodes to judge."""
    first = content.partition(b"\n")[0]
    if b"\0" in content:
        what = "it is a binary file"
    elif first.startswith(b"#!") and b"python" not in first:
        what = f"its first line asks for another program: {first.decode(errors='replace')}"
    elif not content.strip():
        what = "it is empty"
    else:
        return
    raise UsageError(
        f"{path}: {what}. Fix: `run` starts Python scripts; use `clusterkit exec` for others"
    )

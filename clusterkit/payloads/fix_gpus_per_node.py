"""Patch the installed tensorrt_llm so that it assumes another number of GPUs per node.

Words: ``apply``, ``status`` or ``revert``; the number; the package's folder, or nothing for the
one that this Python would import. Answers with one JSON object.
"""

from __future__ import annotations

import ast
import json
import sys
from importlib.util import find_spec
from pathlib import Path

from clusterkit.payloads.fix_files import Refused, apply, parts, revert


def main() -> None:
    """Do what the words say, and tell what is there then."""
    action, number, *path = sys.argv[1:]
    answer: dict[str, object] = {"package": None, "version": None, "files": [], "changed": False}
    try:
        package = package_folder(path[0] if path else None)
        answer.update(package=str(package), version=version_of(package))
        before = parts(package)
        answer["files"] = [part.row() for part in before]
        if action == "apply":
            apply(before, int(number))
        elif action == "revert":
            revert(before)
        after = parts(package)
        answer.update(files=[part.row() for part in after], changed=after != before)
    except (Refused, OSError) as why:
        answer["error"] = str(why)
    print(json.dumps(answer))


def package_folder(path: str | None) -> Path:
    """Where tensorrt_llm lies; it is not imported."""
    if path is None:
        spec = find_spec("tensorrt_llm")
        if spec is None or not spec.submodule_search_locations:
            raise Refused(f"{sys.executable} has no tensorrt_llm. Fix: give its folder as PATH")
        return Path(next(iter(spec.submodule_search_locations)))
    for folder in (Path(path), Path(path) / "tensorrt_llm"):
        if (folder / "mapping.py").is_file():
            return folder
    raise Refused(
        f"{path} is no package tensorrt_llm: it has no mapping.py. Fix: correct PATH, or leave it "
        "out for the one that this node's Python imports"
    )


def version_of(package: Path) -> str | None:
    """What its version.py says; that is not run."""
    try:
        tree = ast.parse((package / "version.py").read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    for line in tree.body:
        if not isinstance(line, ast.Assign) or not isinstance(line.value, ast.Constant):
            continue
        if getattr(line.targets[0], "id", None) == "__version__":
            return str(line.value.value)
    return None

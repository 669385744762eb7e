"""The engines in a node's storage: list them, read all of them again, or remove one.

python PAYLOADS engines ls|verify FOLDER [NAME]
python PAYLOADS engines rm FOLDER NAME

The answer is a line of JSON.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from clusterkit.payloads.model_folder import differences
from clusterkit.payloads.model_protocol import MANIFEST
from clusterkit.payloads.push_protocol import WORK


def main() -> None:
    """Do what the first word says."""
    action, folder = sys.argv[1], Path(sys.argv[2])
    name = sys.argv[3] if len(sys.argv) > 3 else None
    if action == "rm":
        row: dict[str, Any] = {"removed": remove(folder, str(name))}
    else:
        names = [name] if name else names_in(folder)
        found = [look(folder / each, rehash=action == "verify") for each in names]
        row = {"engines": [each for each in found if each]}
    print(json.dumps(row), flush=True)


def names_in(folder: Path) -> list[str]:
    """The engines that are there; unfinished and hidden ones do not count."""
    if not folder.is_dir():
        return []
    paths = (path for path in folder.iterdir() if path.is_dir())
    return sorted(path.name for path in paths if _is_finished(path.name))


def look(engine: Path, *, rehash: bool) -> dict[str, Any] | None:
    """Its manifest, and what is not as that says; None: there is none of this name."""
    if not engine.is_dir():
        return None
    try:
        manifest = json.loads((engine / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = None
    problems = differences(engine, rehash=rehash)
    return {"name": engine.name, "manifest": manifest, "problems": problems}


def remove(folder: Path, name: str) -> bool:
    """Take the engine away; it is gone at once, and its files follow. False: it was not there.

    With it goes what has come of it by a push that did not end.
    """
    if _is_finished(name) and "/" not in name:
        shutil.rmtree(folder / f"{name}{WORK}", ignore_errors=True)
    if name not in names_in(folder):
        return False
    aside = Path(tempfile.mkdtemp(prefix=".", suffix=".removed", dir=folder))
    try:
        (folder / name).rename(aside / name)
    finally:
        for rest in folder.glob(".*.removed"):  # of this one, and of any that was interrupted
            shutil.rmtree(rest)
    return True


def _is_finished(name: str) -> bool:
    return not name.startswith(".") and not name.endswith((".part", ".checkpoint"))

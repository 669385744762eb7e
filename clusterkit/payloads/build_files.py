"""What must come of a build, the room that it takes, and the manifest that ends it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from clusterkit.payloads.build_stages import StageFailed
from clusterkit.payloads.digests import digests
from clusterkit.payloads.model_folder import small_files
from clusterkit.payloads.model_protocol import FORMAT, MANIFEST
from clusterkit.payloads.publishing import LOCK

TOKENIZER = "tokenizer"
"""The folder of an engine that has what its runs need of the model."""
_FULL = 16 << 20
_GIB = 1 << 30
_WORDS_OF_FULL = ("No space left on device", "Disk quota exceeded")


def check_room(folder: Path, needed: int) -> None:
    """Raise StageFailed if the disk has less than is needed."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StageFailed(
            f"{folder} has {free / _GIB:.1f} GiB free, and the build needs about "
            f"{needed / _GIB:.1f} GiB. Fix: free some (`clusterkit engines rm`), or set `storage` "
            "to a larger disk"
        )


def no_space_left(folder: Path, lines: Iterable[str]) -> str:
    """What to add to an error where the disk ran full; else nothing."""
    said = any(words in line for line in lines for words in _WORDS_OF_FULL)
    if not said and shutil.disk_usage(folder).free > _FULL:
        return ""
    return (
        f": no space is left in {folder}. Fix: free some (`clusterkit engines rm`), or set "
        "`storage` to a larger disk"
    )


def check_files(work: Path, order: dict[str, Any]) -> None:
    """Raise StageFailed if a file is not there, or empty, that a rank will want."""
    wanted = [*order["common_files"], *(name for rank in order["rank_files"] for name in rank)]
    lacking = [name for name in wanted if not _has_bytes(work / name)]
    if not lacking:
        return
    there = ", ".join(_names(work)) or "nothing"
    raise StageFailed(
        f"the programs ended well, but {', '.join(lacking)} did not come of it; there is: "
        f"{there}. Fix: see in the log for how many ranks they built, and take flags out of "
        "`engine.build_flags` and `engine.convert_flags` that change it"
    )


def add_tokenizer(folder: Path, work: Path) -> None:
    """Copy what a run needs of the model beside its weights."""
    target = work / TOKENIZER
    target.mkdir(exist_ok=True)
    for path in small_files(folder):
        shutil.copyfile(path, target / path.name)


def write_manifest(
    work: Path, order: dict[str, Any], tell: Callable[..., None], stop: threading.Event
) -> None:
    """Describe all files; the folder is complete with it."""
    paths = {name: work / name for name in _names(work)}
    for path in work.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # other nodes' users read them

    def told(done: int, total: int) -> None:
        tell(event="checksum", done=done, total=total)

    found = digests(paths, told=told, stop=stop, sync=True)
    manifest = {
        "version": 1,
        "name": order["name"],
        "format": FORMAT,
        "files": {
            name: {"size": path.stat().st_size, "sha256": found[name]}
            for name, path in paths.items()
        },
        "shape": order["shape"],
        "engine": order["engine"],
    }
    text = json.dumps(manifest, indent=1) + "\n"
    (work / MANIFEST).write_text(text, encoding="utf-8")
    digests({MANIFEST: work / MANIFEST}, told=lambda *_: None, sync=True)


def _has_bytes(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _names(work: Path) -> list[str]:
    paths = (path for path in work.rglob("*") if path.is_file())
    names = (path.relative_to(work).as_posix() for path in paths)
    return sorted(name for name in names if name not in (LOCK, MANIFEST))

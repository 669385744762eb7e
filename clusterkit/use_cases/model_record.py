"""Remember the sha256 of a model's files, so that gigabytes are read once and not each time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from clusterkit.state.files import write


@dataclass(frozen=True, slots=True)
class Record:
    """The digest of a model, and the sizes and times of the files for which it was taken."""

    sha256: str
    files: dict[str, list[int]]


def digest(path: Path, record: Path, *, verify: bool = False) -> str:
    """The sha256 of a file, or of the names and digests of a folder's files.

    It is remembered in ``record``; ``verify`` reads the files again even so.
    """
    files = {name: _stamp(file) for name, file in _files(path)}
    known = _recall(record)
    if known is not None and known.files == files and not verify:
        return known.sha256
    found = sha256(path) if path.is_file() else _folder_sha256(path)
    write(record, json.dumps({"version": 1, **asdict(Record(found, files))}).encode())
    return found


def sha256(file: Path) -> str:
    """The digest of one file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _folder_sha256(folder: Path) -> str:
    found = hashlib.sha256()
    for name, file in _files(folder):
        found.update(f"{name}\0{sha256(file)}\n".encode())
    return found.hexdigest()


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """The file, or the files that lie in the folder itself; hidden ones do not count."""
    if path.is_file():
        yield path.name, path
        return
    for file in sorted(path.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            yield file.name, file


def _stamp(file: Path) -> list[int]:
    seen = file.stat()
    return [seen.st_size, seen.st_mtime_ns]


def _recall(record: Path) -> Record | None:
    try:
        row = json.loads(record.read_bytes())
        return Record(row["sha256"], row["files"]) if row["version"] == 1 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None

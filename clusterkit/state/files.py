"""Files of the controlling machine, written so that they are never half there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clusterkit.errors import ClusterkitError


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, mode 700; mkdir's own ``mode`` is for the last only."""
    with saying_why_not(folder):
        for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)


def write(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write one file atomically; folders that are missing are made for this user only.

    Raises:
        ClusterkitError: If the machine refuses; a file that was there stays as it was.
    """
    make_folder(path.parent)
    with saying_why_not(path):
        _replace(path, content, mode)


def _replace(path: Path, content: bytes, mode: int) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def saying_why_not(path: Path) -> Iterator[None]:
    """Raise what the machine refuses as an error of ours."""
    try:
        yield
    except OSError as error:
        raise ClusterkitError(
            f"{path} cannot be written: {error.strerror}. Fix: look at who may write there and "
            "at the space that is left, or set CLUSTERKIT_HOME to another folder"
        ) from error
